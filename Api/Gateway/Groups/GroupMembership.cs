using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups;

namespace OrleansStream.Gateway.Groups;

/// <summary>
/// A member's side of its group during one poll: joins, renews the lease, commits. While the group moves, since its server died or lost it,
/// the group is asked again: what a poll asks for may be repeated, as a commit only goes forward and a lease is only renewed.
/// </summary>
/// <param name="group">The group's grain.</param>
/// <param name="time">Times waits and leases.</param>
/// <param name="member">The member.</param>
/// <param name="options">What was asked for.</param>
internal sealed class GroupMembership(IConsumerGroupGrain group, TimeProvider time, string member, PollOptions options)
{
    private long _renewedAt;
    private long _leaseLeftMs;

    /// <summary>What the group told the member last.</summary>
    public MemberToken Token { get; private set; }

    /// <summary>What is left of the lease, in milliseconds.</summary>
    public long LeaseLeftMs => Math.Max(0, _leaseLeftMs - (long)time.GetElapsedTime(_renewedAt).TotalMilliseconds);

    /// <summary>Joins or renews, and commits what is done.</summary>
    /// <param name="token">What the member was told last; null when its process has just started.</param>
    /// <param name="commits">The offsets it is done with.</param>
    /// <param name="holds">Its records that wait in place, or shall.</param>
    /// <param name="neverJoins">True to be refused when the member has left.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Where the member stands; with an error when it was refused, and nothing was committed.</returns>
    public async Task<GroupMemberResponse> PollAsync(
        MemberToken? token, ImmutableArray<PartitionOffset> commits, ImmutableArray<PartitionHolds> holds, bool neverJoins, CancellationToken cancellationToken)
    {
        var request = new GroupPollRequest(member, [.. options.Topics], token, commits, options.LeaseMs, options.Assignor, HasFailed: options.Failed.Count > 0)
        {
            Holds = holds,
            NeverJoins = neverJoins,
            KeepsPartitions = options.IsHeartbeat,
        };
        var response = await AskAsync(
            () =>
            {
                var now = request;
                // When an answer is lost the member may have left since: only one that never had an answer may still have to join.
                request = request with { NeverJoins = neverJoins || token is not null };
                return group.PollAsync(now);
            },
            cancellationToken);
        // An epoch that this very poll was told and that is stale by now: an answer to it was lost. It committed nothing, so it goes on.
        var isAnswerLost = response.Error?.Code == StreamErrorCode.StaleMemberEpoch && token == Token;
        if (response.Error is not null && !isAnswerLost || response.Token is not { } known)
            return response;
        Token = known;
        Renewed(response.LeaseLeftMs);
        return response with { Error = null };
    }

    /// <summary>Commits offsets of the member's partitions.</summary>
    /// <param name="token">What the member was told last.</param>
    /// <param name="offsets">The offsets; none to only ask where the member stands.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Where the member stands; with an error when it was refused.</returns>
    public Task<GroupMemberResponse> CommitAsync(MemberToken token, ImmutableArray<PartitionOffset> offsets, CancellationToken cancellationToken) =>
        AskAsync(() => group.CommitAsync(member, token, offsets), cancellationToken);

    /// <summary>Renews the lease when more than <see cref="PollLimits.PollLeaseSlack"/> of it is gone.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Null, or why the member is none any more.</returns>
    public async Task<StreamError?> RenewAsync(CancellationToken cancellationToken)
    {
        if (LeaseLeftMs >= options.LeaseMs * (1 - PollLimits.PollLeaseSlack))
            return null;
        var renewed = await AskAsync(() => group.WaitAsync(member, Token, waitMs: 0, cancellationToken), cancellationToken);
        Renewed(renewed.LeaseLeftMs);
        return renewed.Error;
    }

    /// <summary>Renews the lease, and waits until the group moves partitions.</summary>
    /// <param name="waitMs">How long, in milliseconds.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>What the group told; null when it did not answer in time, or the wait was ended.</returns>
    public async Task<GroupWaitResponse?> WaitForNewsAsync(int waitMs, CancellationToken cancellationToken)
    {
        try
        {
            var told = await group.WaitAsync(member, Token, waitMs, cancellationToken)
                .WaitAsync(TimeSpan.FromMilliseconds(waitMs) + PollLimits.PollAskMax, time, cancellationToken);
            Renewed(told.LeaseLeftMs);
            return told;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception exception) when (IsMoving(exception) && !cancellationToken.IsCancellationRequested)
        {
            // The group is moving. Records can be read meanwhile; a moment later it is asked again.
            await Task.Delay(PollLimits.PollMoveRetry, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return null;
        }
    }

    /// <summary>Asks for what may be asked again, for as long as a group may take to move.</summary>
    /// <typeparam name="T">The answer.</typeparam>
    /// <param name="ask">Asks.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<T> AskAsync<T>(Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var patience = TimeSpan.FromMilliseconds(Math.Max(options.WaitMs, PollLimits.PollMoveMsMax));
        while (true)
        {
            try
            {
                return await ask().WaitAsync(PollLimits.PollAskMax, time, cancellationToken);
            }
            catch (Exception exception) when (IsMoving(exception) && time.GetElapsedTime(started) < patience)
            {
                await Task.Delay(PollLimits.PollMoveRetry, time, cancellationToken);
            }
        }
    }

    private static bool IsMoving(Exception exception) => exception
        is TimeoutException or OrleansException or StreamException { Error.Code: StreamErrorCode.CoordinatorNotAvailable };

    private void Renewed(long leaseLeftMs)
    {
        _leaseLeftMs = leaseLeftMs;
        _renewedAt = time.GetTimestamp();
    }
}
