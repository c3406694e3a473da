using System.Collections.Immutable;
using Orleans.Concurrency;
using OrleansStream.Errors;

namespace OrleansStream.Groups;

/// <summary>One consumer group: members, leases, the owner of each partition, and committed offsets. Key: the group's name.</summary>
/// <remarks>
/// Every answer comes after the compare-and-swap of the state behind it, so the etag fences a stale activation. Calls interleave, so that calls which
/// come together share one write. Records never pass through this grain, and no partition calls it.
/// </remarks>
[Alias("os.IConsumerGroupGrain")]
public interface IConsumerGroupGrain : IGrainWithStringKey
{
    /// <summary>
    /// Joins or renews a member, commits its offsets, and lets it give up and take on partitions. By polling, a member confirms that it no longer
    /// works on any record of its last answer.
    /// </summary>
    /// <param name="request">A validated poll.</param>
    /// <returns>
    /// The state of the member. <see cref="StreamErrorCode.StaleMemberEpoch"/>: the member missed an answer.
    /// <see cref="StreamErrorCode.FencedMemberEpoch"/>: its lease had ended and it has joined again, or, without a token, another process took its
    /// place. <see cref="StreamErrorCode.UnknownMemberId"/>: it is not a member, and the poll may not join. In each of these cases nothing was
    /// committed.
    /// </returns>
    /// <exception cref="StreamException">The state could not be stored, or belongs to another activation now; retry.</exception>
    [Alias("PollAsync"), AlwaysInterleave]
    Task<GroupMemberResponse> PollAsync(GroupPollRequest request);

    /// <summary>
    /// Takes a heartbeat of a member that says what it has (KIP-848): joins or renews it, takes note of what it let go of, and tells what it shall
    /// have. Such members share the group with those that poll.
    /// </summary>
    /// <param name="request">A validated heartbeat.</param>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("HeartbeatAsync"), AlwaysInterleave]
    Task<GroupHeartbeatResponse> HeartbeatAsync(GroupHeartbeatRequest request);

    /// <summary>Renews a member's lease and waits until it should poll again.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="token">What the group told the member last.</param>
    /// <param name="waitMs">How long to wait, in milliseconds, up to <see cref="GroupLimits.WaitMsMax"/>; 0 only renews.</param>
    /// <param name="cancellationToken">Ends the wait when the caller has gone.</param>
    [Alias("WaitAsync"), AlwaysInterleave]
    Task<GroupWaitResponse> WaitAsync(string member, MemberToken token, int waitMs, CancellationToken cancellationToken = default);

    /// <summary>
    /// Commits offsets of a member's partitions, all or none. An offset below the committed one changes nothing, unless it replaces an offset beyond
    /// the end of the log. The caller must make sure that each offset lies within the log.
    /// </summary>
    /// <param name="member">The member's id.</param>
    /// <param name="token">What the group told the member last. Its group id may be empty if only the epoch is known.</param>
    /// <param name="offsets">The offsets.</param>
    /// <returns>The state of the member afterwards, or why nothing was committed.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("CommitAsync"), AlwaysInterleave]
    Task<GroupMemberResponse> CommitAsync(string member, MemberToken token, ImmutableArray<PartitionOffset> offsets);

    /// <summary>Removes a member at once. Its partitions go to the others.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="epoch">Its epoch, so that a replaced process cannot remove its successor; null for any epoch.</param>
    /// <returns>Null when done; else why not.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("LeaveAsync"), AlwaysInterleave]
    Task<StreamError?> LeaveAsync(string member, long? epoch);

    /// <summary>Describes the group.</summary>
    /// <returns>The group; null when it does not exist.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("DescribeAsync"), AlwaysInterleave]
    Task<GroupDescription?> DescribeAsync();

    /// <summary>Measures the group from its memory. It costs little: no topic is asked.</summary>
    /// <returns>Its members and committed offsets; null when it does not exist.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("MeasureAsync"), AlwaysInterleave]
    Task<GroupMeasurement?> MeasureAsync();

    /// <summary>Sets offsets, forward or back, all or none. Creates the group when it does not exist.</summary>
    /// <param name="topics">The names of the offsets' topics.</param>
    /// <param name="offsets">The offsets.</param>
    /// <returns>Null when done; else <see cref="StreamErrorCode.NonEmptyGroup"/>, or what is wrong with an offset.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("ResetAsync"), AlwaysInterleave]
    Task<StreamError?> ResetAsync(ImmutableArray<string> topics, ImmutableArray<PartitionOffset> offsets);

    /// <summary>Sets the policy for records that members could not process. Creates the group when it does not exist.</summary>
    /// <param name="policy">A validated policy.</param>
    /// <returns>Null when done; else that a name would be too long.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("SetRetryAsync"), AlwaysInterleave]
    Task<StreamError?> SetRetryAsync(GroupRetryPolicy policy);

    /// <summary>
    /// Begins to send dead letters back to their topics, in the background. Asking again for a redrive that is under way changes nothing.
    /// </summary>
    /// <param name="filter">Which dead letters.</param>
    /// <returns>
    /// Null when the redrive begins. Else the error: the group has no policy, a redrive is under way, or a stopped one has not ended yet.
    /// </returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("BeginRedriveAsync"), AlwaysInterleave]
    Task<StreamError?> BeginRedriveAsync(RedriveFilter filter);

    /// <summary>
    /// Stops the redrive that is under way, if there is one. The next redrive begins with the dead letters that this one has not looked at.
    /// </summary>
    /// <returns>The progress of the last redrive; null when there was none.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("StopRedriveAsync"), AlwaysInterleave]
    Task<RedriveDescription?> StopRedriveAsync();

    /// <summary>The progress of the last redrive; null when there was none.</summary>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("DescribeRedriveAsync"), AlwaysInterleave]
    Task<RedriveDescription?> DescribeRedriveAsync();

    /// <summary>
    /// Deletes a group without members, its offsets, and its retry topics. Its dead letters stay.
    /// </summary>
    /// <returns>Null when done; else <see cref="StreamErrorCode.GroupIdNotFound"/> or <see cref="StreamErrorCode.NonEmptyGroup"/>.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("DeleteAsync"), AlwaysInterleave]
    Task<StreamError?> DeleteAsync();

    /// <summary>
    /// Forgets what a group without members has kept for longer than the retention. If nothing is left of the group, the catalogue forgets it, too.
    /// </summary>
    /// <returns>True when the group still exists. A catalogue of an earlier version removes the name of a group that answers false.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("ExpireAsync"), AlwaysInterleave]
    Task<bool> ExpireAsync();
}
