using System.Collections.Immutable;

namespace OrleansStream.Cluster;

/// <summary>The Api nodes of the cluster, as they announce themselves. There is one grain, with key <see cref="Key"/>.</summary>
/// <remarks>
/// It keeps them in memory only. When its silo goes, it begins anew on another one, and lists nothing for <see cref="ApiNodeLimits.GatherTime"/>, in
/// which the nodes announce themselves again. No record's way leads through it.
/// </remarks>
[Alias("os.IApiNodesGrain")]
public interface IApiNodesGrain : IGrainWithStringKey
{
    /// <summary>The key of the one list.</summary>
    const string Key = "api-nodes";

    /// <summary>Notes that a node is there. Each node says so once in <see cref="ApiNodeLimits.AnnouncePeriod"/>.</summary>
    /// <param name="node">The node, with the same id as long as its process lasts.</param>
    [Alias("AnnounceAsync")]
    ValueTask AnnounceAsync(ApiNode node);

    /// <summary>
    /// Forgets a node at once, because it ends. An announcement of it that comes within a minute changes nothing, if this activation still lasts.
    /// </summary>
    /// <param name="id">The node's id.</param>
    [Alias("LeaveAsync")]
    ValueTask LeaveAsync(Guid id);

    /// <summary>Lists the nodes that were heard of within <see cref="ApiNodeLimits.RememberedMax"/>, in the order of their addresses.</summary>
    /// <returns>Null as long as the list is so new that nodes may be missing.</returns>
    [Alias("ListAsync")]
    ValueTask<ImmutableArray<HeardApiNode>?> ListAsync();
}

/// <summary>An Api node, by its own words.</summary>
/// <param name="Id">Chosen anew at each start of the process.</param>
/// <param name="Address">The host and port on which it listens; the machine's name where it listens on all addresses of its machine.</param>
/// <param name="Version">The version of its program.</param>
/// <param name="StartedAt">When it was started, by its own clock.</param>
/// <param name="HasSilo">True when a silo runs in the same process.</param>
/// <param name="Machine">
/// The name of its machine. Nodes of several machines may listen at the same local address, behind a proxy of each. Null where a node of an older
/// build does not say it.
/// </param>
[GenerateSerializer, Immutable, Alias("os.ApiNode")]
public sealed record ApiNode(
    [property: Id(0)] Guid Id,
    [property: Id(1)] string Address,
    [property: Id(2)] string Version,
    [property: Id(3)] DateTimeOffset StartedAt,
    [property: Id(4)] bool HasSilo,
    [property: Id(5)] string? Machine);

/// <summary>An Api node, and whether it is still heard of.</summary>
/// <param name="Node">The node, by its own words.</param>
/// <param name="Answers">True when it announced itself within <see cref="ApiNodeLimits.SilenceMax"/>; nobody has asked it anything.</param>
[GenerateSerializer, Immutable, Alias("os.HeardApiNode")]
public sealed record HeardApiNode(
    [property: Id(0)] ApiNode Node,
    [property: Id(1)] bool Answers);
