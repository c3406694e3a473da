using System.Text.Json;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Records;
using OrleansStream.Client.Telemetry;
using OrleansStream.Contracts;

namespace OrleansStream.Client.Consuming;

/// <summary>
/// A member of a consumer group: polls, keeps the lease, commits, leaves. What the service or the network fails at for a while is tried again until
/// it succeeds, so that its user sees no error; what will not succeed by waiting is thrown.
/// </summary>
/// <remarks>One call at a time, but for <see cref="KeepAliveAsync"/>, which runs while the records of the last answer are worked on.</remarks>
internal sealed partial class GroupMember : IDisposable
{
    private const string WaitInPlace = "RECORDS_WAIT_IN_PLACE";

    private readonly ServiceConnection _connection;
    private readonly ServiceCalls _once;
    private readonly ServiceCalls _calls;
    private readonly ConsumerOptions _options;
    private readonly IReadOnlyList<string> _topics;
    private readonly string _joinedTopics;
    private readonly string _path;
    private readonly AnswerBuffer _buffer = new();
    private readonly PollAnswerReader _answer = new();
    private readonly List<FailedRecordEntry> _failed = [];
    private string? _cursor;
    private long? _epoch;
    private RetryPolicyAnswer? _policy;
    private bool _answersInParts;
    private volatile bool _hasHandlerFailed;
    private bool _hasLeftUndone;

    /// <summary>A member that has not joined yet.</summary>
    /// <param name="connection">The connections.</param>
    /// <param name="group">The group.</param>
    /// <param name="topics">The topics.</param>
    /// <param name="options">The settings, which are within their bounds.</param>
    public GroupMember(ServiceConnection connection, string group, IReadOnlyList<string> topics, ConsumerOptions options)
    {
        (_connection, Group, _topics, _options) = (connection, group, topics, options);
        Id = options.MemberId ?? $"{SafeName(Environment.MachineName)}-{Guid.NewGuid():N}";
        _once = connection.Once();
        _calls = connection.WithRetries(ConnectionLimits.RetriesDefault, ConnectionLimits.BackoffDefault);
        _joinedTopics = topics.Count == 1 ? topics[0] : string.Join(',', topics);
        _path = $"v1/groups/{Uri.EscapeDataString(group)}/members/{Uri.EscapeDataString(Id)}";
    }

    /// <summary>Called when the member's partitions change: those that it got, those that it handed over, those that were taken from it.</summary>
    public event Action<IReadOnlyList<TopicPartition>, IReadOnlyList<TopicPartition>, IReadOnlyList<TopicPartition>>? PartitionsChanged;

    /// <summary>The group.</summary>
    public string Group { get; }

    /// <summary>The member's id.</summary>
    public string Id { get; }

    /// <summary>The member's partitions.</summary>
    public IReadOnlyList<TopicPartition> Assignment { get; private set; } = [];

    /// <summary>The records behind the last answer; null before the first.</summary>
    public long? Lag { get; private set; }

    /// <summary>The last answer's records.</summary>
    public IReadOnlyList<PolledRecord> Records => _answer.Records;

    /// <summary>True when later records of a failed record's key wait for it.</summary>
    public bool RetriesInPlace => _policy?.Retry == "in_place";

    /// <summary>The clock that waits are timed by.</summary>
    public TimeProvider Time => _connection.Time;

    /// <summary>Sets the group's retry policy, if the settings have one and it is not set yet.</summary>
    /// <param name="cancellationToken">Ends the call, which can be made again.</param>
    public async Task SetPolicyAsync(CancellationToken cancellationToken)
    {
        if (_options.RetryPolicy is not { } wanted || _policy is not null)
            return;
        var body = JsonSerializer.SerializeToUtf8Bytes(wanted, ApiJsonContext.Api.RetryPolicyRequest);
        _policy = await PatientlyAsync(
            () => _calls.AskAsync(
                HttpMethod.Put, $"v1/groups/{Uri.EscapeDataString(Group)}", ApiJsonContext.Api.RetryPolicyAnswer, body, cancellationToken),
            () => cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Finds out the group's retry policy.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="InvalidOperationException">The group has none.</exception>
    public async ValueTask RequirePolicyAsync(CancellationToken cancellationToken)
    {
        if (_policy is not null)
            return;
        var described = await _calls.AskAsync(
            HttpMethod.Get, $"v1/groups/{Uri.EscapeDataString(Group)}", ApiJsonContext.Api.GroupAnswer, body: null, cancellationToken).ConfigureAwait(false);
        _policy = described.RetryPolicy ?? throw new InvalidOperationException(
            $"Group '{Group}' has no retry policy, so no record can fail. Set {nameof(ConsumerOptions)}.{nameof(ConsumerOptions.RetryPolicy)}, or the group's policy.");
    }

    /// <summary>The member could not work on a record of the last answer. The next poll tells it.</summary>
    /// <param name="place">The record.</param>
    /// <param name="reason">Why it failed or was refused.</param>
    public void Fail(in RecordPlace place, string reason)
    {
        var entry = new FailedRecordEntry
        {
            Topic = place.Topic,
            Partition = place.Partition,
            Offset = place.Offset,
            Reason = reason.Length <= ConsumerLimits.ReasonLengthMax ? reason : reason[..ConsumerLimits.ReasonLengthMax],
        };
        lock (_failed)
            _failed.Add(entry);
        ClientLog.RecordFailed(_connection.Log, Group, place.Topic, place.Partition, place.Offset, reason);
    }

    /// <summary>Tells the log of offsets that nobody can read, and counts them.</summary>
    /// <param name="offsets">What the answer has in their place.</param>
    /// <param name="reason">Why.</param>
    public void PassOver(in PolledRecord offsets, string reason)
    {
        var place = offsets.Place;
        ClientLog.PassesOver(_connection.Log, Group, place.Topic, place.Partition, place.Offset, offsets.LastOffset, reason);
        ClientTelemetry.CountUnreadable(place.Topic, Group, offsets.LastOffset - place.Offset + 1);
    }

    /// <summary>Commits the last answer's records, tells which failed, and renews the lease. It gets no records.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    public Task CommitAsync(CancellationToken cancellationToken) => PatientlyAsync(
        async () =>
        {
            if (_cursor is not null)
                await AskAsync(Poll(0, commit: null), ConsumerLimits.PollSlack, isRenewal: false, cancellationToken).ConfigureAwait(false);
            return true;
        },
        () => cancellationToken);

    /// <summary>Commits a part of the last answer's records.</summary>
    /// <param name="offsets">The next offset of each partition.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">It was refused; the records come again, to whoever has the partitions.</exception>
    public Task CommitAsync(IReadOnlyDictionary<TopicPartition, long> offsets, CancellationToken cancellationToken)
    {
        var request = new OffsetsPutRequest
        {
            Member = Id,
            MemberEpoch = _epoch,
            Offsets = [.. offsets.Select(
                offset => new OffsetPut { Topic = offset.Key.Topic, Partition = offset.Key.Partition, Offset = offset.Value })],
        };
        return _calls.DoAsync(
            HttpMethod.Put, $"v1/groups/{Uri.EscapeDataString(Group)}/offsets",
            JsonSerializer.SerializeToUtf8Bytes(request, ApiJsonContext.Api.OffsetsPutRequest), cancellationToken);
    }

    /// <summary>
    /// Commits what is done with of the last answer, when the consumer stops. What cannot be committed in time is delivered again. So is a part of
    /// the answer's records in a group that retries in place: what was passed over for records that wait, only the cursor of the whole answer says.
    /// </summary>
    /// <param name="progress">What is done with.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    public async Task CommitProgressAsync(AnswerProgress progress, CancellationToken cancellationToken)
    {
        // The poll whose answer the handler refused has committed what came before, and what it brought is not delivered.
        if (_hasHandlerFailed)
            return;
        using var late = new CancellationTokenSource(ConsumerLimits.StopMax, Time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            if (progress.IsWhole)
                await CommitAsync(ended.Token).ConfigureAwait(false);
            else if (progress.DoneOffsets() is { Count: > 0 } offsets)
                await CommitPartAsync(offsets, ended.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is StreamServiceException or OperationCanceledException)
        {
            // The records come again, to whoever has the partitions.
            _hasLeftUndone = true;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _answer.Dispose();
        _buffer.Dispose();
    }

    // All or none are committed, so one partition must not hold up the others. In a group that retries in place each would be refused.
    private async Task CommitPartAsync(Dictionary<TopicPartition, long> offsets, CancellationToken cancellationToken)
    {
        try
        {
            await CommitAsync(offsets, cancellationToken).ConfigureAwait(false);
        }
        catch (StreamServiceException exception) when (exception.ErrorCode == WaitInPlace && offsets.Count > 1 && !RetriesInPlace)
        {
            foreach (var (partition, offset) in offsets)
                await CommitPartAsync(new() { [partition] = offset }, cancellationToken).ConfigureAwait(false);
        }
        catch (StreamServiceException exception) when (exception.ErrorCode == WaitInPlace)
        {
            // Its records come again.
            _hasLeftUndone = true;
        }
    }

    private static bool IsMembership(StreamServiceException exception) =>
        exception.ErrorCode is "STALE_MEMBER_EPOCH" or "FENCED_MEMBER_EPOCH" or "UNKNOWN_MEMBER_ID";

    // What may stand in a path: other characters have no meaning in a name.
    private static string SafeName(string name) =>
        string.Concat(name.Where(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_').Take(64));

    private void ForgetFailures()
    {
        lock (_failed)
            _failed.Clear();
    }

    private FailedRecordEntry[]? Failures()
    {
        lock (_failed)
            return _failed.Count > 0 ? [.. _failed] : null;
    }

    private void GoOnFrom(StreamServiceException refusal)
    {
        (_cursor, _isJoined) = (refusal.Problem?.Cursor, false);
        _epoch = refusal.Problem?.MemberEpoch ?? _epoch;
        ForgetFailures();
        var kept = (refusal.Problem?.Assignment ?? [])
            .SelectMany(topic => topic.Partitions.Select(partition => new TopicPartition(topic.Topic, partition)));
        Assign([.. kept], isLost: true);
    }

    private void Assign(IReadOnlyList<TopicPartition> now, bool isLost)
    {
        var before = Assignment;
        Assignment = now;
        IReadOnlyList<TopicPartition> gone = [.. before.Except(now)];
        IReadOnlyList<TopicPartition> added = [.. now.Except(before)];
        if (gone.Count == 0 && added.Count == 0)
            return;
        LogChange(added, gone, isLost);
        try
        {
            PartitionsChanged?.Invoke(added, isLost ? [] : gone, isLost ? gone : []);
        }
        catch (Exception exception)
        {
            // Of another type, so that nobody takes it for a broken line, or for a call that is made again.
            _hasHandlerFailed = true;
            throw new PartitionsHandlerException($"A handler of partition changes of group '{Group}' threw: {exception.Message}", exception);
        }
    }

    /// <summary>Makes a call that may be repeated, until it succeeds.</summary>
    /// <param name="call">The call.</param>
    /// <param name="ending">What ends a wait between two tries, as of the time at which the wait begins.</param>
    private async Task<T> PatientlyAsync<T>(Func<Task<T>> call, Func<CancellationToken> ending)
    {
        for (var failures = 0; ; failures++)
        {
            var reason = "";
            try
            {
                return await call().ConfigureAwait(false);
            }
            catch (StreamServiceException exception) when (IsMembership(exception))
            {
                reason = exception.ErrorCode;
                GoOnFrom(exception);
            }
            catch (StreamServiceException exception) when (exception.IsRetriable)
            {
                reason = exception.Message;
                ClientTelemetry.CountPolled(_joinedTopics, Group, 0, TimeSpan.Zero, exception.ErrorCode);
                LoseWhenLeaseIsOver();
            }

            // The first time at once: the next node serves. Members that failed together come apart at random. After a wait as long as the lease the
            // member would be taken out again, each time, and what it was told last would be old.
            var wait = failures == 0 ? TimeSpan.Zero : Shorter(Backoff.After(failures), _options.Lease / ConsumerLimits.RenewalsPerLease);
            ClientLog.CallsAgain(_connection.Log, Id, Group, reason, wait);
            if (failures > 0)
                await Task.Delay(wait, Time, ending()).ConfigureAwait(false);
        }
    }
}
