using OrleansStream.Client.Connections;
using OrleansStream.Client.Records;

namespace OrleansStream.Client.Consuming;

/// <summary>How far the work on the records of one answer is. Several handlers may tell at once, each of its own records.</summary>
/// <param name="member">The member whose answer it is.</param>
internal sealed class AnswerProgress(GroupMember member)
{
    private enum State : byte
    {
        Waiting,
        Done,
        Failed,
        LeftAlone,
    }

    private enum Stage
    {
        Open,
        Closed,
        Lost,
        Over,
    }

    private readonly State[] _states = new State[member.Records.Count];
    private readonly HashSet<string> _failedKeys = new(StringComparer.Ordinal);
    private readonly object _gate = new();
    private volatile Stage _stage;

    /// <summary>True once nothing of the answer is to be committed any more.</summary>
    public bool IsOver => _stage is Stage.Lost or Stage.Over;

    /// <summary>True when all records are done with.</summary>
    public bool IsWhole => Array.IndexOf(_states, State.Waiting) < 0;

    /// <summary>A record is done with.</summary>
    /// <param name="index">Its place in the answer.</param>
    public void Complete(int index)
    {
        if (_stage == Stage.Open && _states[index] == State.Waiting)
            _states[index] = State.Done;
    }

    /// <summary>A record could not be worked on. One whose partition is lost comes again anyway.</summary>
    /// <param name="index">Its place in the answer.</param>
    /// <param name="place">Where it is stored.</param>
    /// <param name="key">Its key; null for none.</param>
    /// <param name="reason">Why it failed or was refused.</param>
    /// <param name="cancellationToken">Ends the question for the group's policy.</param>
    /// <exception cref="InvalidOperationException">The group has no retry policy, or the record was done with.</exception>
    /// <exception cref="StreamServiceException">The service does not tell the policy.</exception>
    public async ValueTask FailAsync(int index, RecordPlace place, ReadOnlyMemory<byte>? key, string reason, CancellationToken cancellationToken)
    {
        await member.RequirePolicyAsync(cancellationToken).ConfigureAwait(false);
        lock (_gate)
        {
            // The member forgets its failures with the answer. One that came after that would be told with another answer, which does not have it.
            if (_stage == Stage.Lost || (_stage == Stage.Open && _states[index] == State.Failed))
                return;
            if (_stage != Stage.Open || _states[index] != State.Waiting)
                throw new InvalidOperationException($"{place} is done with, so it cannot fail any more.");
            _states[index] = State.Failed;
            member.Fail(place, reason);
        }

        if (member.RetriesInPlace && key is { } bytes)
        {
            lock (_failedKeys)
                _failedKeys.Add(Identity(place.Topic, bytes));
        }
    }

    /// <summary>
    /// As <see cref="FailAsync"/>, for a record that the consumer itself finds to have failed. While the service is away it asks again, until it has an
    /// answer or the partitions are lost: an outage must not end the consumer in place of the record's failure.
    /// </summary>
    /// <param name="index">Its place in the answer.</param>
    /// <param name="place">Where it is stored.</param>
    /// <param name="key">Its key; null for none.</param>
    /// <param name="reason">Why it failed or was refused.</param>
    /// <param name="cancellationToken">Ends the question for the group's policy.</param>
    /// <exception cref="InvalidOperationException">The group has no retry policy, or the record was done with.</exception>
    /// <exception cref="StreamServiceException">The service refuses to tell the policy, and waiting does not help.</exception>
    public async ValueTask FailPatientlyAsync(
        int index, RecordPlace place, ReadOnlyMemory<byte>? key, string reason, CancellationToken cancellationToken)
    {
        for (var failures = 0; !IsOver; failures++)
        {
            try
            {
                await FailAsync(index, place, key, reason, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (StreamServiceException exception) when (exception.IsRetriable)
            {
                await Task.Delay(Backoff.After(failures), member.Time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>True when the record must not be worked on, since an earlier one of its key failed: it comes again after that.</summary>
    /// <param name="index">Its place in the answer.</param>
    public bool LeavesAlone(int index)
    {
        if (_failedKeys.Count == 0)
            return false;
        var record = member.Records[index];
        if (record.Key is not { } key)
            return false;
        lock (_failedKeys)
        {
            if (!_failedKeys.Contains(Identity(record.Place.Topic, key)))
                return false;
        }

        _states[index] = State.LeftAlone;
        return true;
    }

    /// <summary>The consumer asks for the next answer, or stops: what is told from now on comes too late.</summary>
    public void Close() => GoTo(Stage.Closed);

    /// <summary>The partitions are lost: nothing of the answer is the member's to commit, and nothing that is told counts.</summary>
    public void Lose() => GoTo(Stage.Lost);

    /// <summary>The consumer has gone on to the next answer, or gives this one up.</summary>
    public void End() => GoTo(Stage.Over);

    /// <summary>The next offset of each partition, as far as all before it is done with.</summary>
    public Dictionary<TopicPartition, long> DoneOffsets()
    {
        var offsets = new Dictionary<TopicPartition, long>();
        var ended = new HashSet<TopicPartition>();
        for (var i = 0; i < _states.Length; i++)
        {
            var record = member.Records[i];
            var partition = new TopicPartition(record.Place.Topic, record.Place.Partition);
            if (_states[i] != State.Done)
                ended.Add(partition);
            else if (!ended.Contains(partition))
                offsets[partition] = record.NextOffset;
        }

        return offsets;
    }

    private void GoTo(Stage stage)
    {
        lock (_gate)
            _stage = stage > _stage ? stage : _stage;
    }

    private static string Identity(string topic, ReadOnlyMemory<byte> key) => $"{topic}/{Convert.ToHexString(key.Span)}";
}
