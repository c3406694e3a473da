using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.ExceptionServices;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Gateway.Topics;
using OrleansStream.Groups;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Groups;

/// <summary>
/// Members of groups by Kafka's protocols: join, sync, heartbeat, commit, leave. Calls wait as long as the group does; while it moves to another
/// server they are made again, which changes nothing.
/// </summary>
/// <param name="access">Decides who may.</param>
/// <param name="known">The groups that there are.</param>
/// <param name="grains">The way to the groups.</param>
/// <param name="patterns">Finds the topics of members that subscribe to a regular expression.</param>
/// <param name="time">Times the wait for a group that moves.</param>
public sealed class GroupCoordinator(AccessControl access, ConsumerGroups known, IGrainFactory grains, TopicPatterns patterns, TimeProvider time)
{
    // The regular expressions of members that have sent heartbeats here. A member says its own only once, and the group keeps it.
    private readonly ConcurrentDictionary<(string Group, string Member), string> _patterns = new();

    /// <summary>Joins the group's next generation, and waits until it begins.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="request">The member, and the assignors and topics that it offers.</param>
    /// <param name="cancellationToken">The caller has gone. The member keeps its place for as long as its session lasts.</param>
    /// <exception cref="StreamException">The group cannot be reached, or the caller has lost the right meanwhile, which ends the wait.</exception>
    public async Task<ClassicJoinResponse> JoinAsync(Caller caller, string group, ClassicJoinRequest request, CancellationToken cancellationToken)
    {
        access.DemandGroup(caller, AccessOperations.Read, group);
        using var watch = access.WatchGroup(caller, AccessOperations.Read, group, cancellationToken);
        return await watch.RunAsync(JoinUntilDoneAsync);

        async ValueTask<ClassicJoinResponse> JoinUntilDoneAsync(CancellationToken ended)
        {
            var now = request;
            while (true)
            {
                var response = await AskAsync(() => Group(group).JoinAsync(now, ended), GroupCallMax, ended);
                if (!response.IsWaiting)
                    return response;
                ended.ThrowIfCancellationRequested();
                now = request with { Member = response.Member };
            }
        }
    }

    /// <summary>Tells a member what it reads, and waits until the generation's leader has said so.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="request">The member and its generation; from the leader, also what each member reads.</param>
    /// <param name="cancellationToken">The caller has gone.</param>
    /// <exception cref="StreamException">The group cannot be reached, or the caller has lost the right meanwhile, which ends the wait.</exception>
    public async Task<ClassicSyncResponse> SyncAsync(Caller caller, string group, ClassicSyncRequest request, CancellationToken cancellationToken)
    {
        access.DemandGroup(caller, AccessOperations.Read, group);
        using var watch = access.WatchGroup(caller, AccessOperations.Read, group, cancellationToken);
        return await watch.RunAsync(SyncUntilDoneAsync);

        async ValueTask<ClassicSyncResponse> SyncUntilDoneAsync(CancellationToken ended)
        {
            while (true)
            {
                var response = await AskAsync(() => Group(group).SyncAsync(request, ended), GroupCallMax, ended);
                if (!response.IsWaiting)
                    return response;
                ended.ThrowIfCancellationRequested();
            }
        }
    }

    /// <summary>Says that a member lives.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="claim">By which the member is known.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <returns>Null; or that the member is to join the next generation, or is none.</returns>
    /// <exception cref="StreamException">The group cannot be reached.</exception>
    public Task<StreamError?> HeartbeatAsync(Caller caller, string group, GroupClaim claim, CancellationToken cancellationToken)
    {
        access.DemandGroup(caller, AccessOperations.Read, group);
        return AskAsync(() => Group(group).HeartbeatAsync(claim), PollLimits.PollAskMax, cancellationToken);
    }

    /// <summary>Takes members out at once; the others begin a new generation.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="leavers">The members.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <returns>Per member null, or why not.</returns>
    /// <exception cref="StreamException">The group cannot be reached.</exception>
    public Task<ImmutableArray<StreamError?>> LeaveAsync(Caller caller, string group, ImmutableArray<GroupLeaver> leavers,
        CancellationToken cancellationToken)
    {
        access.DemandGroup(caller, AccessOperations.Read, group);
        return RemoveAsync(
            async wasLost =>
            {
                var errors = await Group(group).LeaveAsync(leavers);
                return wasLost ? [.. errors.Select(error => error?.Code == StreamErrorCode.UnknownMemberId ? null : error)] : errors;
            },
            cancellationToken);
    }

    /// <summary>
    /// Commits offsets as they are given, forward or back, also beyond the end of a log; one below 0 means that none is committed any more. Each is
    /// kept or refused by itself.
    /// </summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="claim">By which the committer is known.</param>
    /// <param name="offsets">The offsets.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <exception cref="StreamException">The group cannot be reached.</exception>
    public async Task<GroupCommitResponse> CommitAsync(
        Caller caller, string group, GroupClaim claim, ImmutableArray<NamedPartitionOffset> offsets, CancellationToken cancellationToken)
    {
        access.DemandGroup(caller, AccessOperations.Read, group);
        var refused = offsets.Select(one => one.Topic).Distinct(StringComparer.Ordinal)
            .ToDictionary(topic => topic, topic => access.FindRefusal(caller, AccessOperations.Read, topic), StringComparer.Ordinal);
        ImmutableArray<NamedPartitionOffset> allowed = [.. offsets.Where(one => refused[one.Topic] is null)];
        var told = await AskAsync(() => Group(group).CommitAsync(claim, allowed), PollLimits.PollAskMax, cancellationToken);
        if (told.Error is not null || allowed.Length == offsets.Length)
            return told;
        var next = 0;
        return told with { Errors = [.. offsets.Select(one => refused[one.Topic] ?? told.Errors[next++])] };
    }

    /// <summary>Forgets offsets of topics that no member reads.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="partitions">The partitions whose offsets are forgotten.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <exception cref="StreamException">The group cannot be reached.</exception>
    public Task<GroupCommitResponse> ForgetAsync(
        Caller caller, string group, ImmutableArray<NamedPartitionOffset> partitions, CancellationToken cancellationToken) => access.ManageGroupAsync(
        caller, group, () => AskAsync(() => Group(group).ForgetAsync(partitions), PollLimits.PollAskMax, cancellationToken), errorOf: response =>
            response.Error);

    /// <summary>Says that a member by Kafka's newer protocol (KIP-848) lives and what it has, and asks what it shall have.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="request">The heartbeat.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <exception cref="StreamException">The group cannot be reached.</exception>
    /// <remarks>
    /// The topics of a regular expression are found at each heartbeat, on its caller's behalf. So a topic that is created, or that the caller may no
    /// longer see, changes what the member reads with its next heartbeat. When they cannot be found, a member that joins, or says another expression,
    /// is refused; all others go on with the topics that they have, because a topic that somebody else creates must not end a group.
    /// </remarks>
    public async Task<GroupHeartbeatResponse> HeartbeatAsync(
        Caller caller, string group, GroupHeartbeatRequest request, CancellationToken cancellationToken)
    {
        access.DemandGroup(caller, AccessOperations.Read, group);
        foreach (var topic in request.Topics ?? [])
            access.DemandTopic(caller, AccessOperations.Read, topic);
        var text = request.Pattern ?? _patterns.GetValueOrDefault((group, request.Member));
        var (response, failure) = await BeatAsync(text);
        if (response is { Error: null } && failure is not null && request.Pattern is not null && response.PatternToMatch != request.Pattern)
            ExceptionDispatchInfo.Throw(failure);
        // Another server has taken the member's expression, or it has another one by now.
        if (response.PatternToMatch is { } pattern && (failure is null || pattern != text))
            (response, _) = await BeatAsync(pattern);
        return response;

        async Task<(GroupHeartbeatResponse Response, Exception? Failure)> BeatAsync(string? expression)
        {
            Remember((group, request.Member), request.Epoch < 0 ? null : expression);
            var (now, failure) = await WithMatchesAsync(caller, request, expression, cancellationToken);
            return (await AskAsync(
                () => grains.GetGrain<IConsumerGroupGrain>(group).HeartbeatAsync(now), PollLimits.PollAskMax, cancellationToken), failure);
        }
    }

    /// <summary>The names of all groups, in ordinal order.</summary>
    /// <param name="caller">On whose behalf: it is told of those that it may describe.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <exception cref="StreamException">The groups cannot be reached.</exception>
    public async Task<IReadOnlyList<string>> ListAsync(Caller caller, CancellationToken cancellationToken)
    {
        var names = new List<string>();
        string? after = null;
        do
        {
            var page = await AskAsync(
                () => known.ListAsync(caller, "", after, GroupLimits.CatalogPageMax, cancellationToken), PollLimits.PollAskMax, cancellationToken);
            names.AddRange(page.Groups.Select(group => group.Name));
            after = page.NextAfter;
        }
        while (after is not null);
        return names;
    }

    /// <summary>The group as it is; null when there is none.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <exception cref="StreamException">The group cannot be reached.</exception>
    public Task<GroupDescription?> FindAsync(Caller caller, string group, CancellationToken cancellationToken) =>
        AskAsync(() => known.FindAsync(caller, group, cancellationToken), PollLimits.PollAskMax, cancellationToken);

    /// <summary>Deletes a group without members, and its offsets.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <exception cref="StreamException">There is none, it has members, or it cannot be reached.</exception>
    public Task DeleteAsync(Caller caller, string group, CancellationToken cancellationToken) => RemoveAsync(
        async wasLost =>
        {
            try
            {
                await known.DeleteAsync(caller, group, cancellationToken);
            }
            catch (StreamException exception) when (wasLost && exception.Error.Code == StreamErrorCode.GroupIdNotFound)
            {
                // Gone, as was asked for.
            }

            return true;
        },
        cancellationToken);

    /// <summary>
    /// Adds the matching topics to a heartbeat. If they cannot be found, the heartbeat of a member that has joined is sent without them and without
    /// its expression. The group then keeps the topics that it has, and tells which expression they are of.
    /// </summary>
    private async Task<(GroupHeartbeatRequest Request, Exception? Failure)> WithMatchesAsync(
        Caller caller, GroupHeartbeatRequest request, string? text, CancellationToken cancellationToken)
    {
        if (string.IsNullOrEmpty(text) || request.Epoch < 0)
            return (request, null);
        try
        {
            return (request with { Matched = new MatchedTopics(text, await patterns.MatchAsync(caller, text, cancellationToken)) }, null);
        }
        catch (Exception e) when (request.Epoch > 0 && (LostCalls.IsLost(e, cancellationToken) || e is StreamException))
        {
            return (request with { Pattern = null }, e);
        }
    }

    private void Remember((string Group, string Member) member, string? pattern)
    {
        if (string.IsNullOrEmpty(pattern))
            _patterns.TryRemove(member, out _);
        else if (_patterns.TryAdd(member, pattern) && _patterns.Count > PollLimits.PatternsRememberedMax)
            _patterns.Clear();
        else
            _patterns[member] = pattern;
    }

    // A call that waits takes so long by itself.
    private static TimeSpan GroupCallMax => TimeSpan.FromMilliseconds(GroupLimits.WaitMsMax) + PollLimits.PollAskMax;

    private IClassicGroupGrain Group(string group) => grains.GetGrain<IClassicGroupGrain>(group);

    // A try that was lost may have removed what the next one does not find. What the group itself refused was not lost.
    private Task<T> RemoveAsync<T>(Func<bool, Task<T>> remove, CancellationToken cancellationToken)
    {
        var isOpen = false;
        return AskAsync(RemoveOnceAsync, PollLimits.PollAskMax, cancellationToken);

        async Task<T> RemoveOnceAsync()
        {
            var wasLost = isOpen;
            isOpen = true;
            try
            {
                return await remove(wasLost);
            }
            catch (StreamException)
            {
                isOpen = wasLost;
                throw;
            }
        }
    }

    private async Task<T> AskAsync<T>(Func<Task<T>> ask, TimeSpan callMax, CancellationToken cancellationToken)
    {
        try
        {
            return await GroupRetry.CallAsync(time, TimeSpan.FromMilliseconds(PollLimits.PollMoveMsMax), callMax, ask, cancellationToken);
        }
        catch (Exception exception) when (LostCalls.IsLost(exception, cancellationToken))
        {
            throw new StreamException(new StreamError(StreamErrorCode.CoordinatorNotAvailable, $"The group is moving: {exception.Message}"));
        }
    }
}
