using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Groups;
using OrleansStream.Randomness;

namespace OrleansStream.Gateway.Groups;

/// <summary>
/// One poll. It asks the group for the member's state, then reads the member's partitions and waits for records, in this process and not in the
/// group. While it waits, it renews the lease. When the group moves partitions, it polls the group at once in the member's name: it holds no records
/// then, so it may give partitions up, and the waits of other members go on. Only the poll itself can join. Whatever else it does in the member's
/// name is refused once the member has left.
/// </summary>
/// <remarks>
/// A door calls <see cref="JoinAsync"/>, then <see cref="ReadAsync(CancellationToken)"/> or <see cref="Stream"/>, and delivers what was read with
/// <see cref="BeginDelivery"/> and <see cref="DeliverAsync"/>. Nothing of a delivery is committed before the member comes back with its cursor. So an
/// answer that does not reach the member is delivered again.
/// </remarks>
public sealed class GroupPoll : IDisposable
{
    private readonly TimeProvider _time;
    private readonly RandomSource _random;
    private readonly string _group;
    private readonly string _member;
    private readonly PollOptions _options;
    private readonly AnswerLoad _load;
    private readonly LogEnds _ends;
    private readonly PartitionFetcher _fetcher;
    private readonly GroupMembership _membership;
    private readonly PollPositions _positions;
    private readonly PolledPartitions _partitions;
    private readonly FailedRecords _failed;
    private readonly AccessWatch _watch;
    private PollDelivery? _delivery;
    private int _recordsMax;

    internal GroupPoll(
        IGrainFactory grains, TopicRoutes routes, LogEnds ends, TimeProvider time, RandomSource random, NodeAnswers node, NodeWaits waits,
        string group, string member, PollOptions options, AccessWatch watch)
    {
        (_ends, _time, _random, _group, _member, _options, _watch) = (ends, time, random, group, member, options, watch);
        _load = new AnswerLoad(node);
        _fetcher = new PartitionFetcher(routes, _load);
        _membership = new GroupMembership(grains.GetGrain<IConsumerGroupGrain>(group), time, member, options);
        _positions = new PollPositions(_fetcher, _membership, ends, options.Policy);
        _partitions = new PolledPartitions(_fetcher, _positions, ends, waits, time, random, group, options.BytesMax);
        _failed = new FailedRecords(grains, _membership, _fetcher, group, options.Failed);
    }

    /// <summary>The member's partitions, by topic and number.</summary>
    public IEnumerable<AssignedPartition> Assignment => Partitions.Select(partition => partition.Assigned);

    /// <summary>The member's epoch.</summary>
    public long MemberEpoch => _membership.Token.Epoch;

    /// <summary>When the member's lease ends.</summary>
    public DateTimeOffset LeaseExpiresAt => _time.GetUtcNow().AddMilliseconds(_membership.LeaseLeftMs);

    /// <summary>The member's partitions, with what was read of them.</summary>
    internal IReadOnlyList<PolledPartition> Partitions => _partitions.All;

    /// <summary>True when there is something to report: records, or positions that were replaced.</summary>
    internal bool HasAnswer => _partitions.HasRecords || _positions.HasResets;

    /// <summary>True when the last wait ended because the group moves partitions.</summary>
    internal bool HasNews { get; private set; }

    private ImmutableArray<string> UnknownTopics { get; set; } = [];

    /// <summary>Joins or renews, and commits the offsets of the cursor.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>Null; or the refusal.</returns>
    /// <exception cref="StreamException">
    /// The cursor has an offset that does not exist, or the failed records were not in its answer, or the group did not answer for longer than a move
    /// takes.
    /// </exception>
    public async Task<MemberRefusal?> JoinAsync(CancellationToken cancellationToken)
    {
        ImmutableArray<PartitionOffset> offsets = _options.Cursor is { } cursor ? [.. cursor.Offsets] : [];
        if (_options.Cursor is { } given)
            await CheckAsync(given, cancellationToken);
        ImmutableArray<PartitionHolds> holds = _options is { IsHeartbeat: true, Commits: false } ? [] : [.. _options.Cursor?.Holds ?? []];
        if (_options.Failed.Count > 0)
        {
            (var lost, holds) = await _failed.MoveAsync(_options.Cursor!, cancellationToken);
            if (lost is not null)
                return Refusal(lost);
        }

        if (holds.Length > 0 && !_options.Commits)
            throw StreamException.InvalidRequest("commit", "The cursor's answer has records that wait in place, or that were passed over for such a record. Only a poll that commits can report them.");
        var refused = await PollGroupAsync(
            _options.Cursor?.Token, _options.Commits ? offsets : [], holds, neverJoins: _options.IsHeartbeat && _options.Cursor is not null,
            cancellationToken);
        if (refused is not null)
            return Refusal(refused);
        // The member goes on behind what it got last, even if it does not want to commit it yet.
        var positions = offsets.ToDictionary(offset => (offset.TopicId, offset.Partition), offset => offset.Offset);
        foreach (var partition in Partitions)
        {
            if (positions.TryGetValue((partition.Assigned.TopicId, partition.Assigned.Partition), out var position))
                partition.GoTo(position, isDone: _options.Commits);
        }

        return null;
    }

    /// <summary>Reads until there are records or the wait is over. A heartbeat reads nothing.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>Null; or why the process no longer speaks for the member.</returns>
    /// <exception cref="StreamException">
    /// There is no offset to go on from, or none in the log, and the policy is to report this; or the node has no memory for any of the records; or
    /// the caller has lost a right that the poll needs, which also ends the wait.
    /// </exception>
    public async Task<MemberRefusal?> ReadAsync(CancellationToken cancellationToken) =>
        _options.IsHeartbeat ? null : await ReadAsync(_options.WaitMs, endsOnNews: false, cancellationToken);

    /// <summary>Goes on reading, answer after answer, instead of <see cref="ReadAsync(CancellationToken)"/>.</summary>
    public StreamedPoll Stream() => new(this, _time, _member);

    /// <summary>Prepares the delivery of what was read, and opens the first batch.</summary>
    /// <exception cref="StreamException">
    /// The node has no memory for any of the records. Then nothing was read, and nothing can be delivered.
    /// </exception>
    public void BeginDelivery()
    {
        if (!TryBeginDelivery())
            throw new StreamException(_load.Refusal);
    }

    /// <summary>Delivers what was read, after <see cref="BeginDelivery"/>. The next read goes on behind the last record that was taken.</summary>
    /// <param name="sink">Takes the records. An exception from it ends the poll.</param>
    /// <returns>What the member is told after its records.</returns>
    public async ValueTask<DeliveredPoll> DeliverAsync(IPolledRecordSink sink)
    {
        using (var delivery = _delivery ?? throw new InvalidOperationException($"{nameof(BeginDelivery)} comes first."))
        {
            _delivery = null;
            await delivery.RunAsync(sink);
        }

        return new DeliveredPoll
        {
            Resets = _positions.TakeResets(),
            Unavailable = [.. Partitions.Where(partition => partition.Error is not null)
                .Select(partition => new UnavailablePartition(partition.Assigned.Topic, partition.Assigned.Partition, partition.Error!))],
            UnknownTopics = UnknownTopics,
            Cursor = Cursor(),
            Lag = _options.IsHeartbeat ? null : Partitions.Where(partition => partition.Position >= 0 && partition.HighWatermark >= 0)
                .Sum(partition => Math.Max(0, partition.HighWatermark - partition.Position)),
        };
    }

    /// <summary>Gives back the memory of what was read.</summary>
    public void Dispose()
    {
        _delivery?.Dispose();
        _load.Dispose();
        _watch.Dispose();
    }

    /// <summary>As <see cref="BeginDelivery"/>.</summary>
    /// <returns>False when the node has no memory for any of the records.</returns>
    internal bool TryBeginDelivery()
    {
        var delivery = new PollDelivery(Partitions, _recordsMax, _load, _random);
        if (!delivery.TryBegin())
            return false;
        _delivery = delivery;
        return true;
    }

    /// <summary>Reads until there are records, or the wait is over.</summary>
    /// <param name="waitMs">How long to wait, in milliseconds.</param>
    /// <param name="endsOnNews">True to end the wait when the group moves partitions; false to take part in the move.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    internal async Task<MemberRefusal?> ReadAsync(int waitMs, bool endsOnNews, CancellationToken cancellationToken)
    {
        var started = _time.GetTimestamp();
        while (true)
        {
            _fetcher.Release();
            if (await _positions.StartAsync(Partitions, cancellationToken) is { } lost)
                return Refusal(lost);
            await _partitions.FetchAvailableAsync(cancellationToken);
            if (await _positions.CommitReplacementsAsync(cancellationToken) is { } moved)
                return Refusal(moved);
            var leftMs = waitMs - (long)_time.GetElapsedTime(started).TotalMilliseconds;
            if (_partitions.HasRecords || leftMs <= 0)
                break;
            var told = await ParkAsync(leftMs, cancellationToken);
            HasNews = told?.HasNews ?? false;
            if (told?.Error is { } gone)
                return new MemberRefusal(gone);
            if (await _positions.CommitReplacementsAsync(cancellationToken) is { } replaced)
                return Refusal(replaced);
            if (_partitions.HasRecords || HasNews && endsOnNews)
                break;
            if (HasNews && await PollGroupAsync(_membership.Token, [], [], neverJoins: true, cancellationToken) is { } refused)
                return Refusal(refused);
        }

        // The rights may have been taken away while the poll read.
        _watch.ThrowIfRefused();
        // A stream goes on and reads again. A poll without records would look as if there were none.
        if (!_partitions.HasRecords && !endsOnNews && Partitions.Any(partition => partition.Error?.Code == StreamErrorCode.ThrottlingQuotaExceeded))
            throw new StreamException(_load.Refusal);
        return await _membership.RenewAsync(cancellationToken) is { } error ? new MemberRefusal(error) : null;
    }

    /// <summary>The cursor of the answer.</summary>
    internal string Cursor() => _options is { IsHeartbeat: true, Commits: false, Cursor: { } given }
        // The member still works on the records of the answer with this cursor.
        ? (given with { Token = _membership.Token }).Write(_group, _member)
        : CursorOfAnswer().Write(_group, _member);

    private GroupCursor CursorOfAnswer() => new(_membership.Token, [.. Partitions
        .Where(partition => partition.Position >= 0)
        .Select(partition => new PartitionOffset(partition.Assigned.TopicId, partition.Assigned.Partition, partition.Position))])
    {
        Holds = [.. Partitions.Select(partition => partition.Held.Told(partition.Assigned)).OfType<PartitionHolds>()],
    };

    private MemberRefusal Refusal(GroupMemberResponse response) => MemberRefusal.Of(response, _group, _member);

    /// <summary>Waits on all partitions and on the group at once. The wait is shorter than the lease, so that the lease is renewed in time.</summary>
    /// <exception cref="StreamException">The caller has lost a right that the poll needs.</exception>
    private async Task<GroupWaitResponse?> ParkAsync(long leftMs, CancellationToken cancellationToken)
    {
        var waitMs = (int)Math.Min(Math.Min(leftMs, GroupLimits.WaitMsMax), _options.LeaseMs / PollLimits.PollRenewalsPerLease);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _watch.Token);
        try
        {
            return await _partitions.WaitAsync(_membership.WaitForNewsAsync, _partitions.ClampWait(waitMs), ended.Token);
        }
        catch (OperationCanceledException) when (_watch.Refusal is { } refusal)
        {
            throw new StreamException(refusal);
        }
    }

    private async Task<GroupMemberResponse?> PollGroupAsync(
        MemberToken? token, ImmutableArray<PartitionOffset> commits, ImmutableArray<PartitionHolds> holds, bool neverJoins,
        CancellationToken cancellationToken)
    {
        var response = await _membership.PollAsync(token, commits, holds, neverJoins, cancellationToken);
        if (response.Error is not null)
            return response;
        _partitions.Assign(response);
        // All of an answer's records may fail, and the next poll must be able to name them.
        _recordsMax = response.Retry is null ? _options.RecordsMax : Math.Min(_options.RecordsMax, GroupLimits.FailedPerPollMax);
        UnknownTopics = response.UnknownTopics.IsDefault ? [] : response.UnknownTopics;
        return null;
    }

    /// <summary>
    /// Refuses a cursor with an offset that does not exist. Only a leader's answer counts. If no leader answers, the offset is accepted, because the
    /// member must not get again the records that it is done with.
    /// </summary>
    /// <exception cref="StreamException">An offset lies beyond the end of its log.</exception>
    private async Task CheckAsync(GroupCursor cursor, CancellationToken cancellationToken)
    {
        if (cursor.Offsets.Any(offset => offset.Offset < 0))
        {
            throw StreamException.InvalidRequest("cursor",
                "'cursor' has an offset below 0, so it is not a cursor of this member. Leave it out to start again.");
        }

        if (cursor.Offsets.All(offset => _ends.Covers(offset)))
            return;
        var standing = await _membership.CommitAsync(cursor.Token, [], cancellationToken);
        // If the member is refused, nothing is committed, and the poll tells it its state.
        if (standing.Error is not null)
            return;
        // A committed offset beyond the end is replaced when the member reads there.
        await _ends.CheckAsync(
            standing.Assignment.NamesOf(cursor.Offsets, (assigned, offset) => offset.Offset != assigned.CommittedOffset), mustKnow: false,
            cancellationToken);
    }
}
