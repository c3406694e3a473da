using System.Collections.Immutable;
using OrleansStream.Cluster;

namespace OrleansStream.Clustering;

/// <summary>Knows the Api nodes that announce themselves.</summary>
/// <param name="time">Times their silence. The nodes' own clocks have no part in it.</param>
[GrainType("api-nodes")]
internal sealed class ApiNodesGrain(TimeProvider time) : Grain, IApiNodesGrain
{
    private readonly Dictionary<Guid, (ApiNode Node, long HeardAt)> _nodes = [];
    private readonly Dictionary<Guid, long> _leftAt = [];
    private readonly long _begunAt = time.GetTimestamp();

    /// <inheritdoc/>
    public ValueTask AnnounceAsync(ApiNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        node = node with { Address = Cut(node.Address), Machine = Cut(node.Machine ?? "") };
        Forget();
        // It announced itself before it left, and the calls came in the other order.
        if (_leftAt.ContainsKey(node.Id))
            return ValueTask.CompletedTask;
        // A node that was killed and started again has its address, and a new id. Its old self may fall silent only after its first announcement.
        Remove(known => (known.Node.Machine, known.Node.Address) == (node.Machine, node.Address) && !Answers(known.HeardAt));
        if (_nodes.Count < ApiNodeLimits.NodesMax || _nodes.ContainsKey(node.Id))
            _nodes[node.Id] = (node, time.GetTimestamp());
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask LeaveAsync(Guid id)
    {
        Forget();
        _nodes.Remove(id);
        if (_leftAt.Count < ApiNodeLimits.NodesMax)
            _leftAt[id] = time.GetTimestamp();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<HeardApiNode>?> ListAsync()
    {
        if (time.GetElapsedTime(_begunAt) < ApiNodeLimits.GatherTime)
            return default;
        Forget();
        return ValueTask.FromResult<ImmutableArray<HeardApiNode>?>(
        [
            .. _nodes.Values.OrderBy(known => known.Node.Address, StringComparer.Ordinal).ThenBy(known => known.Node.Id)
                .Select(known => new HeardApiNode(known.Node, Answers(known.HeardAt))),
        ]);
    }

    private static string Cut(string name) => name.Length <= ApiNodeLimits.AddressLengthMax ? name : name[..ApiNodeLimits.AddressLengthMax];

    private void Forget()
    {
        Remove(known => time.GetElapsedTime(known.HeardAt) > ApiNodeLimits.RememberedMax);
        foreach (var (id, _) in _leftAt.Where(left => time.GetElapsedTime(left.Value) > ApiNodeLimits.RememberedMax).ToList())
            _leftAt.Remove(id);
    }

    private void Remove(Predicate<(ApiNode Node, long HeardAt)> which)
    {
        foreach (var (id, _) in _nodes.Where(known => which(known.Value)).ToList())
            _nodes.Remove(id);
    }

    private bool Answers(long heardAt) => time.GetElapsedTime(heardAt) <= ApiNodeLimits.SilenceMax;
}
