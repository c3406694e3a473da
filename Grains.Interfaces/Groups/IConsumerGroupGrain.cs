using System.Collections.Immutable;
using Orleans.Concurrency;
using OrleansStream.Errors;

namespace OrleansStream.Groups;

/// <summary>One consumer group: members, leases, who has which partition, committed offsets. Key: the group's name.</summary>
/// <remarks>
/// Nothing is answered before the compare-and-swap of the state that holds it, so a stale activation is fenced by its etag.
/// Calls interleave so that those who come together share one write. Records never pass here, and no partition calls it.
/// </remarks>
[Alias("os.IConsumerGroupGrain")]
public interface IConsumerGroupGrain : IGrainWithStringKey
{
    /// <summary>
    /// Joins or renews a member, commits what it is done with, and lets it give up and take on partitions: by polling it
    /// confirms that it works on nothing of its last answer any more.
    /// </summary>
    /// <param name="request">A validated poll.</param>
    /// <returns>
    /// Where the member stands. <see cref="StreamErrorCode.StaleMemberEpoch"/>: it missed an answer.
    /// <see cref="StreamErrorCode.FencedMemberEpoch"/>: its lease had ended and it has joined anew, or, without a token, another
    /// process took its place. <see cref="StreamErrorCode.UnknownMemberId"/>: it is no member, and the poll may not join. In each case
    /// nothing was committed.
    /// </returns>
    /// <exception cref="StreamException">The state could not be stored, or belongs to another activation by now; retry.</exception>
    [Alias("PollAsync"), AlwaysInterleave]
    Task<GroupMemberResponse> PollAsync(GroupPollRequest request);

    /// <summary>Renews a member's lease and waits until it should poll again.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="token">What it was told last.</param>
    /// <param name="waitMs">How long to wait, in milliseconds, up to <see cref="GroupLimits.WaitMsMax"/>; 0 only renews.</param>
    /// <param name="cancellationToken">Ends the wait when the caller has gone.</param>
    [Alias("WaitAsync"), AlwaysInterleave]
    Task<GroupWaitResponse> WaitAsync(string member, MemberToken token, int waitMs, CancellationToken cancellationToken = default);

    /// <summary>
    /// Commits offsets of partitions that a member has, all or none. An offset below the committed one changes nothing, unless it takes the
    /// place of one beyond the end of the log. That an offset lies within the log is for the caller to see to.
    /// </summary>
    /// <param name="member">The member's id.</param>
    /// <param name="token">What it was told last; its group id may be empty when only the epoch is known.</param>
    /// <param name="offsets">The offsets.</param>
    /// <returns>Where the member stands afterwards, or why nothing was committed.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("CommitAsync"), AlwaysInterleave]
    Task<GroupMemberResponse> CommitAsync(string member, MemberToken token, ImmutableArray<PartitionOffset> offsets);

    /// <summary>Takes a member out at once; its partitions go to the others.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="epoch">Its epoch, so that a replaced process does not take out its successor; null for any.</param>
    /// <returns>Null, or why not.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("LeaveAsync"), AlwaysInterleave]
    Task<StreamError?> LeaveAsync(string member, long? epoch);

    /// <summary>The group as it is.</summary>
    /// <returns>The group, or null when there is none.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("DescribeAsync"), AlwaysInterleave]
    Task<GroupDescription?> DescribeAsync();

    /// <summary>Sets offsets, forward or back, all or none; makes the group when there is none.</summary>
    /// <param name="topics">The names of the offsets' topics.</param>
    /// <param name="offsets">The offsets.</param>
    /// <returns>Null; or <see cref="StreamErrorCode.NonEmptyGroup"/>, or what is wrong with an offset.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("ResetAsync"), AlwaysInterleave]
    Task<StreamError?> ResetAsync(ImmutableArray<string> topics, ImmutableArray<PartitionOffset> offsets);

    /// <summary>Sets what becomes of records that members could not work on; makes the group when there is none.</summary>
    /// <param name="policy">A validated policy.</param>
    /// <returns>Null; or that a name would be too long.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("SetRetryAsync"), AlwaysInterleave]
    Task<StreamError?> SetRetryAsync(GroupRetryPolicy policy);

    /// <summary>Begins to take dead letters back, in the background; asking for the one that is under way changes nothing.</summary>
    /// <param name="filter">Which ones.</param>
    /// <returns>Null when the redrive begins. Else the error: the group has no policy, a redrive is under way, or a stopped one has not ended yet.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("BeginRedriveAsync"), AlwaysInterleave]
    Task<StreamError?> BeginRedriveAsync(RedriveFilter filter);

    /// <summary>Stops the redrive that is under way; without one nothing changes. What it has not looked at is where the next one begins.</summary>
    /// <returns>How far the last redrive came, or null when there was none.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("StopRedriveAsync"), AlwaysInterleave]
    Task<RedriveDescription?> StopRedriveAsync();

    /// <summary>How far the last redrive is, or null when there was none.</summary>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("DescribeRedriveAsync"), AlwaysInterleave]
    Task<RedriveDescription?> DescribeRedriveAsync();

    /// <summary>
    /// Deletes a group without members, its offsets, and the topics in which records wait for their next attempt. Its dead letters stay.
    /// </summary>
    /// <returns>Null; or <see cref="StreamErrorCode.GroupIdNotFound"/>, or <see cref="StreamErrorCode.NonEmptyGroup"/>.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("DeleteAsync"), AlwaysInterleave]
    Task<StreamError?> DeleteAsync();

    /// <summary>Forgets what a group without members kept for longer than the retention.</summary>
    /// <returns>True when there still is a group.</returns>
    /// <exception cref="StreamException">As for <see cref="PollAsync"/>.</exception>
    [Alias("ExpireAsync"), AlwaysInterleave]
    Task<bool> ExpireAsync();
}
