using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Reading;
using OrleansStream.Groups;
using OrleansStream.Partitions;

namespace OrleansStream.Gateway.Groups;

/// <summary>
/// One poll: asks the group where the member stands, then reads the member's partitions and waits for records, here and not in
/// the group. While it waits it renews the lease, and when the group moves partitions it takes part at once: it holds nothing
/// of them then, so it may give them up in the member's name, and the others' wait goes on. Only the poll itself joins: whatever
/// goes on in its name afterwards is refused once the member has left.
/// </summary>
/// <param name="grains">The way to the grains.</param>
/// <param name="ends">Knows how far logs reach.</param>
/// <param name="time">Times waits and leases.</param>
/// <param name="group">The group.</param>
/// <param name="member">The member.</param>
/// <param name="options">What was asked for.</param>
/// <param name="load">The memory of the answer.</param>
/// <param name="waits">The node's reads that wait.</param>
public sealed partial class GroupPoll(
    IGrainFactory grains, LogEnds ends, TimeProvider time, string group, string member, PollOptions options, AnswerLoad load, NodeWaits waits)
{
    private readonly IConsumerGroupGrain _group = grains.GetGrain<IConsumerGroupGrain>(group);
    private readonly List<PollReset> _resets = [];
    private MemberToken _token;
    private long _renewedAt;
    private long _leaseLeftMs;
    private ImmutableArray<PartitionHolds> _holds = [];
    private StreamError? _gone;

    /// <summary>The member's partitions, by topic and partition.</summary>
    public IReadOnlyList<PolledPartition> Partitions { get; private set; } = [];

    /// <summary>What was not in the log any more, or not yet, and was not told yet.</summary>
    public IReadOnlyList<PollReset> Resets => _resets;

    /// <summary>The topics asked for that do not exist.</summary>
    public ImmutableArray<string> UnknownTopics { get; private set; } = [];

    /// <summary>The member's epoch.</summary>
    public long MemberEpoch => _token.Epoch;

    /// <summary>When the member's lease ends.</summary>
    public DateTimeOffset LeaseExpiresAt => time.GetUtcNow().AddMilliseconds(LeaseLeftMs);

    /// <summary>The records that are there and not yet read, as far as is known.</summary>
    public long Lag => Partitions.Where(partition => partition.Position >= 0 && partition.HighWatermark >= 0)
        .Sum(partition => Math.Max(0, partition.HighWatermark - partition.Position));

    private long LeaseLeftMs => Math.Max(0, _leaseLeftMs - (long)time.GetElapsedTime(_renewedAt).TotalMilliseconds);

    /// <summary>What the member gets to know itself by, and where it stands.</summary>
    public string Cursor() => options is { IsHeartbeat: true, Commits: false, Cursor: { } given }
        // The member still works on what this cursor was given with.
        ? (given with { Token = _token }).Write(group, member)
        : CursorOfAnswer().Write(group, member);

    private GroupCursor CursorOfAnswer() => new(_token, [.. Partitions
        .Where(partition => partition.Position >= 0)
        .Select(partition => new PartitionOffset(partition.Assigned.TopicId, partition.Assigned.Partition, partition.Position))])
    {
        Holds = [.. Partitions.Select(partition => partition.Held.Told(partition.Assigned)).OfType<PartitionHolds>()],
    };

    /// <summary>Notes that <see cref="Resets"/> have been told.</summary>
    public void EndResets() => _resets.Clear();

    /// <summary>Joins or renews, and commits what the cursor says is done.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Null, or the refusal.</returns>
    /// <exception cref="StreamException">The cursor names an offset that does not exist, or the failed records are none of its answer's.</exception>
    /// <exception cref="StreamException">Nobody answered for the group for longer than a move takes.</exception>
    public async Task<GroupMemberResponse?> JoinAsync(CancellationToken cancellationToken)
    {
        ImmutableArray<PartitionOffset> offsets = options.Cursor is { } cursor ? [.. cursor.Offsets] : [];
        if (options.Cursor is { } given)
            await CheckCursorAsync(given, cancellationToken);
        _holds = options is { IsHeartbeat: true, Commits: false } ? [] : [.. options.Cursor?.Holds ?? []];
        if (options.Failed.Count > 0 && await MoveFailedAsync(options.Cursor!, cancellationToken) is { } lost)
            return lost;
        if (_holds.Length > 0 && !options.Commits)
            throw StreamException.InvalidRequest("commit", "Records of the cursor's answer wait in place, or were passed over for one that does: only a poll that commits can tell what became of them.");
        if (await PollGroupAsync(options.Cursor?.Token, options.Commits ? offsets : [], neverJoins: options.IsHeartbeat && options.Cursor is not null, cancellationToken) is { } refused)
            return refused;
        _holds = [];
        // The member goes on behind what it was last given, also in what it did not want to commit yet.
        var positions = offsets.ToDictionary(offset => (offset.TopicId, offset.Partition), offset => offset.Offset);
        foreach (PolledPartition partition in Partitions)
        {
            if (positions.TryGetValue((partition.Assigned.TopicId, partition.Assigned.Partition), out long position))
                partition.GoTo(position, isDone: options.Commits);
        }

        return null;
    }

    /// <summary>Reads until there are records, or the wait is over.</summary>
    /// <param name="waitMs">How long to wait, in milliseconds.</param>
    /// <param name="endsOnNews">True to end the wait when the group moves partitions, false to take part in it.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Null, or why the member is none any more.</returns>
    /// <exception cref="StreamException">
    /// The policy is to be told where there is no offset to go on from, or none that is in the log; or the node has no memory for any of the records.
    /// </exception>
    public async Task<GroupMemberResponse?> ReadAsync(int waitMs, bool endsOnNews, CancellationToken cancellationToken)
    {
        long started = time.GetTimestamp();
        while (true)
        {
            Release();
            if (await StartAsync(cancellationToken) is { } lost)
                return lost;
            await FetchAvailableAsync(cancellationToken);
            if (await CommitReplacementsAsync(cancellationToken) is { } moved)
                return moved;
            long leftMs = waitMs - (long)time.GetElapsedTime(started).TotalMilliseconds;
            if (HasRecords || leftMs <= 0)
                break;
            HasNews = await ParkAsync(leftMs, cancellationToken);
            if (_gone is not null)
                return Gone(_gone);
            if (await CommitReplacementsAsync(cancellationToken) is { } gone)
                return gone;
            if (HasRecords || HasNews && endsOnNews)
                break;
            if (HasNews && await PollGroupAsync(_token, [], neverJoins: true, cancellationToken) is { } refused)
                return refused;
        }

        // A stream stays, and reads again; a poll without records could not be told from one that found none.
        if (!HasRecords && !endsOnNews && Partitions.Any(partition => partition.Error?.Code == StreamErrorCode.ThrottlingQuotaExceeded))
            throw new StreamException(load.Refusal);
        if (LeaseLeftMs >= options.LeaseMs * (1 - PollLimits.PollLeaseSlack))
            return null;
        GroupWaitResponse renewed = await AskAsync(() => _group.WaitAsync(member, _token, waitMs: 0, cancellationToken), cancellationToken);
        Renewed(renewed.LeaseLeftMs);
        return renewed.Error is { } error ? Gone(error) : null;
    }

    private static GroupMemberResponse Gone(StreamError error) => new(error, Token: null, LeaseLeftMs: 0, []);

    /// <summary>True when the last wait ended because the group moves partitions.</summary>
    public bool HasNews { get; private set; }

    private bool HasRecords => Partitions.Any(partition => partition.HasRecords);

    private async Task<GroupMemberResponse?> PollGroupAsync(
        MemberToken? token, ImmutableArray<PartitionOffset> commits, bool neverJoins, CancellationToken cancellationToken)
    {
        var request = new GroupPollRequest(member, [.. options.Topics], token, commits, options.LeaseMs, options.Assignor, HasFailed: options.Failed.Count > 0)
        {
            Holds = _holds,
            NeverJoins = neverJoins,
            KeepsPartitions = options.IsHeartbeat,
        };
        GroupMemberResponse response = await AskAsync(
            () =>
            {
                GroupPollRequest now = request;
                // When an answer is lost the member may have left since: only one that never had an answer may still have to join.
                request = request with { NeverJoins = neverJoins || token is not null };
                return _group.PollAsync(now);
            },
            cancellationToken);
        // An epoch that this very poll was told and that is stale by now: an answer to it was lost. It committed nothing, so it goes on.
        bool isAnswerLost = response.Error?.Code == StreamErrorCode.StaleMemberEpoch && token == _token;
        if (response.Error is not null && !isAnswerLost || response.Token is not { } known)
            return response;
        _token = known;
        Renewed(response.LeaseLeftMs);
        var before = Partitions.ToDictionary(partition => (partition.Assigned.TopicId, partition.Assigned.Partition));
        Partitions = [.. response.Assignment.Select(
            assigned => before.GetValueOrDefault((assigned.TopicId, assigned.Partition))
                ?? new PolledPartition(assigned, response.Retry is { } policy && RetryTopics.IsRetry(assigned.Topic, group) ? new RetryWaits(group, policy) : null))];
        foreach ((PolledPartition partition, AssignedPartition assigned) in Partitions.Zip(response.Assignment))
            partition.Committed = assigned.CommittedOffset;
        UnknownTopics = response.UnknownTopics.IsDefault ? [] : response.UnknownTopics;
        return null;
    }

    /// <summary>
    /// Asks the group. While it moves, since its server died or lost it, it is asked again: what a poll asks for may be repeated,
    /// as a commit only goes forward and a lease is only renewed.
    /// </summary>
    private async Task<T> AskAsync<T>(Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        long started = time.GetTimestamp();
        TimeSpan patience = TimeSpan.FromMilliseconds(Math.Max(options.WaitMs, PollLimits.PollMoveMsMax));
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

    /// <summary>
    /// Finds where to start in partitions without a committed offset. The end of a log is committed at once: else a record
    /// that came before the next poll would be behind the end that poll starts from.
    /// </summary>
    /// <returns>Null, or why the member is none any more.</returns>
    private async Task<GroupMemberResponse?> StartAsync(CancellationToken cancellationToken)
    {
        // The policy is for records from before the group. All are to be read that wait for their next attempt, and that came to partitions
        // added since.
        foreach (PolledPartition whole in Partitions.Where(partition => partition.Position == PolledPartition.Unknown && (partition.IsRetry || partition.Assigned.IsNew)))
            whole.Position = FetchRequest.Earliest;
        PolledPartition[] unknown = [.. Partitions.Where(partition => partition.Position == PolledPartition.Unknown)];
        if (unknown.Length == 0)
            return null;
        if (options.Policy == OffsetPolicy.Error)
            throw NoOffset(unknown[0]);
        if (options.Policy == OffsetPolicy.Earliest)
        {
            foreach (PolledPartition partition in unknown)
                partition.Position = FetchRequest.Earliest;
            return null;
        }

        foreach (PolledPartition[] some in unknown.Chunk(PollLimits.PollFetchesAtOnce))
            await Task.WhenAll(some.Select(partition => FindEndAsync(partition, cancellationToken)));
        ImmutableArray<PartitionOffset> ends = [.. unknown
            .Where(partition => partition.Position >= 0)
            .Select(partition => new PartitionOffset(partition.Assigned.TopicId, partition.Assigned.Partition, partition.Position))];
        if (ends.Length == 0)
            return null;
        GroupMemberResponse response = await AskAsync(() => _group.CommitAsync(member, _token, ends), cancellationToken);
        return response.Error is null ? null : response;
    }

    private async Task FindEndAsync(PolledPartition partition, CancellationToken cancellationToken)
    {
        FetchResponse response = await CallAsync(partition, FetchRequest.Latest, bytesMax: 1, waitMs: 0, cancellationToken);
        if (response.Error is null)
            partition.GoTo(response.Offset);
        else
            partition.Error = response.Error;
    }

    private static StreamException NoOffset(PolledPartition partition) => new(new StreamError(
        StreamErrorCode.OffsetOutOfRange,
        $"The group has no committed offset for partition {partition.Assigned.Partition} of topic '{partition.Assigned.Topic}', and auto_offset_reset is error. "
        + "Set one with PUT offsets or offsets/reset."));
}
