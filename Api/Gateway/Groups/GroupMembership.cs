using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups;

namespace OrleansStream.Gateway.Groups;

/// <summary>
/// A member's calls to its group during one poll: join, renew the lease, commit. While the group moves, because its server died or gave it up, the
/// calls are repeated. They may be repeated, because a commit only moves forward and a lease is only renewed.
/// </summary>
/// <param name="group">The group's grain.</param>
/// <param name="time">The clock for waits and leases.</param>
/// <param name="member">The member.</param>
/// <param name="options">The poll's options.</param>
internal sealed class GroupMembership(IConsumerGroupGrain group, TimeProvider time, string member, PollOptions options)
{
    private long _renewedAt;
    private long _leaseLeftMs;

    /// <summary>What the group told the member last.</summary>
    public MemberToken Token { get; private set; }

    /// <summary>The rest of the lease, in milliseconds.</summary>
    public long LeaseLeftMs => Math.Max(0, _leaseLeftMs - (long)time.GetElapsedTime(_renewedAt).TotalMilliseconds);

    /// <summary>Joins or renews, and commits offsets.</summary>
    /// <param name="token">What the group told the member last; null when its process has just started.</param>
    /// <param name="commits">The offsets up to which it is done.</param>
    /// <param name="holds">The changes to its records that wait in place.</param>
    /// <param name="neverJoins">True to be refused if the member has left.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>The state of the member. With an error the poll was refused, and nothing was committed.</returns>
    public async Task<GroupMemberResponse> PollAsync(
        MemberToken? token, ImmutableArray<PartitionOffset> commits, ImmutableArray<PartitionHolds> holds, bool neverJoins,
        CancellationToken cancellationToken)
    {
        var request =
            new GroupPollRequest(member, [.. options.Topics], token, commits, options.LeaseMs, options.Assignor, HasFailed: options.Failed.Count > 0)
        {
            Holds = holds,
            NeverJoins = neverJoins,
            KeepsPartitions = options.IsHeartbeat,
        };
        var response = await AskAsync(
            () =>
            {
                var now = request;
                // The member may have left since a lost answer. Only a member that never got an answer may still need to join.
                request = request with { NeverJoins = neverJoins || token is not null };
                return group.PollAsync(now);
            },
            cancellationToken);
        // The group gave this poll an epoch that is stale now, so an answer to the poll was lost. That answer committed nothing, so the poll goes on.
        var isAnswerLost = response.Error?.Code == StreamErrorCode.StaleMemberEpoch && token == Token;
        if (response.Error is not null && !isAnswerLost || response.Token is not { } known)
            return response;
        Token = known;
        Renewed(response.LeaseLeftMs);
        return response with { Error = null };
    }

    /// <summary>Commits offsets of the member's partitions.</summary>
    /// <param name="token">What the group told the member last.</param>
    /// <param name="offsets">The offsets; empty to only ask for the member's state.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>The state of the member; with an error when the commit was refused.</returns>
    public Task<GroupMemberResponse> CommitAsync(MemberToken token, ImmutableArray<PartitionOffset> offsets, CancellationToken cancellationToken) =>
        AskAsync(() => group.CommitAsync(member, token, offsets), cancellationToken);

    /// <summary>Renews the lease when more than <see cref="PollLimits.PollLeaseSlack"/> of it is gone.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>Null while the process speaks for the member; else why not.</returns>
    public async Task<StreamError?> RenewAsync(CancellationToken cancellationToken)
    {
        if (LeaseLeftMs >= options.LeaseMs * (1 - PollLimits.PollLeaseSlack))
            return null;
        var renewed = await AskAsync(() => group.WaitAsync(member, Token, waitMs: 0, cancellationToken), cancellationToken);
        Renewed(renewed.LeaseLeftMs);
        return renewed.Error;
    }

    /// <summary>Renews the lease, and waits until the group moves partitions.</summary>
    /// <param name="waitMs">How long to wait, in milliseconds.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>The group's answer; null when it did not answer in time, or the wait was cancelled.</returns>
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
        catch (Exception exception) when (GroupRetry.IsMoving(exception, cancellationToken) && !cancellationToken.IsCancellationRequested)
        {
            // The group is moving. It is asked again a moment later, and records can be read meanwhile.
            await Task.Delay(PollLimits.PollMoveRetry, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return null;
        }
    }

    /// <summary>
    /// Makes a call that may be repeated, and repeats it for as long as a group may take to move, or as the poll waits if that is longer.
    /// </summary>
    /// <typeparam name="T">The type of the answer.</typeparam>
    /// <param name="ask">Makes the call.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamException">The group refused, or it was still moving when the time was over.</exception>
    /// <exception cref="OrleansException">The last try was lost, so its outcome is unknown.</exception>
    /// <exception cref="TimeoutException">The last try had no answer in time, so its outcome is unknown.</exception>
    public Task<T> AskAsync<T>(Func<Task<T>> ask, CancellationToken cancellationToken) => GroupRetry.CallAsync(
        time, TimeSpan.FromMilliseconds(Math.Max(options.WaitMs, PollLimits.PollMoveMsMax)), PollLimits.PollAskMax, ask, cancellationToken);

    private void Renewed(long leaseLeftMs)
    {
        _leaseLeftMs = leaseLeftMs;
        _renewedAt = time.GetTimestamp();
    }
}
