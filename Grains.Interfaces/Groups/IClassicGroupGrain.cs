using System.Collections.Immutable;
using Orleans.Concurrency;
using OrleansStream.Errors;

namespace OrleansStream.Groups;

/// <summary>
/// The same group as <see cref="IConsumerGroupGrain"/>, for members that assign partitions among themselves (Kafka's classic protocol). Key: the
/// group's name.
/// </summary>
/// <remarks>
/// A group has members of one kind at a time. Nothing is answered before the compare-and-swap of the state that holds it. Calls that wait end
/// after <see cref="GroupLimits.WaitMsMax"/>; who wants to wait longer asks again, which changes nothing.
/// </remarks>
[Alias("os.IClassicGroupGrain")]
public interface IClassicGroupGrain : IGrainWithStringKey
{
    /// <summary>Joins the next generation, and waits until it begins.</summary>
    /// <param name="request">The wish.</param>
    /// <param name="cancellationToken">Ends the wait when the caller has gone.</param>
    /// <exception cref="StreamException">The state could not be stored, or belongs to another activation by now; retry.</exception>
    [Alias("JoinAsync"), AlwaysInterleave]
    Task<ClassicJoinResponse> JoinAsync(ClassicJoinRequest request, CancellationToken cancellationToken = default);

    /// <summary>Tells a member what it reads, and waits until the generation's leader has said so.</summary>
    /// <param name="request">The wish to hear it.</param>
    /// <param name="cancellationToken">Ends the wait when the caller has gone.</param>
    /// <exception cref="StreamException">As for <see cref="JoinAsync"/>.</exception>
    [Alias("SyncAsync"), AlwaysInterleave]
    Task<ClassicSyncResponse> SyncAsync(ClassicSyncRequest request, CancellationToken cancellationToken = default);

    /// <summary>Takes note that a member lives.</summary>
    /// <param name="claim">By which it is known.</param>
    /// <returns>Null; or that it is to join the next generation, or is no member.</returns>
    /// <exception cref="StreamException">As for <see cref="JoinAsync"/>.</exception>
    [Alias("HeartbeatAsync"), AlwaysInterleave]
    Task<StreamError?> HeartbeatAsync(GroupClaim claim);

    /// <summary>Takes members out at once; the others begin a new generation.</summary>
    /// <param name="leavers">The members.</param>
    /// <returns>Per member null, or why not.</returns>
    /// <exception cref="StreamException">As for <see cref="JoinAsync"/>.</exception>
    [Alias("LeaveAsync"), AlwaysInterleave]
    Task<ImmutableArray<StreamError?>> LeaveAsync(ImmutableArray<GroupLeaver> leavers);

    /// <summary>
    /// Commits offsets as they are given, forward or back, also beyond the end of a log; one below 0 means that none is committed any more. Each is
    /// kept or refused by itself. A member of either kind commits in its own generation or epoch; while there is no member, anybody does who claims
    /// to be none.
    /// </summary>
    /// <param name="claim">By which the committer is known.</param>
    /// <param name="offsets">The offsets.</param>
    /// <exception cref="StreamException">As for <see cref="JoinAsync"/>.</exception>
    [Alias("CommitAsync"), AlwaysInterleave]
    Task<GroupCommitResponse> CommitAsync(GroupClaim claim, ImmutableArray<NamedPartitionOffset> offsets);

    /// <summary>Forgets offsets of topics that no member reads.</summary>
    /// <param name="partitions">Whose: of each only topic and partition count.</param>
    /// <returns>An error of the whole: there is no such group. Else per partition null; or that members read its topic.</returns>
    /// <exception cref="StreamException">As for <see cref="JoinAsync"/>.</exception>
    [Alias("ForgetAsync"), AlwaysInterleave]
    Task<GroupCommitResponse> ForgetAsync(ImmutableArray<NamedPartitionOffset> partitions);
}
