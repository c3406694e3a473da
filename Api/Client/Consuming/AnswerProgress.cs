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

    private readonly State[] _states = new State[member.Records.Count];
    private readonly HashSet<string> _failedKeys = new(StringComparer.Ordinal);
    private volatile bool _isOver;

    /// <summary>True once the consumer has gone on.</summary>
    public bool IsOver => _isOver;

    /// <summary>True when all records are done with.</summary>
    public bool IsWhole => Array.IndexOf(_states, State.Waiting) < 0;

    /// <summary>A record is done with.</summary>
    /// <param name="index">Its place in the answer.</param>
    public void Complete(int index)
    {
        if (!_isOver && _states[index] == State.Waiting)
            _states[index] = State.Done;
    }

    /// <summary>A record could not be worked on.</summary>
    /// <param name="index">Its place in the answer.</param>
    /// <param name="reason">Why it failed or was refused.</param>
    /// <param name="cancellationToken">Ends the question for the group's policy.</param>
    /// <exception cref="InvalidOperationException">The group has no retry policy, or the record was done with.</exception>
    public async ValueTask FailAsync(int index, string reason, CancellationToken cancellationToken)
    {
        await member.RequirePolicyAsync(cancellationToken).ConfigureAwait(false);
        if (_isOver || _states[index] is State.Done or State.LeftAlone)
            throw new InvalidOperationException($"{member.Records[index].Place} is done with, so it cannot fail any more.");
        if (_states[index] == State.Failed)
            return;
        _states[index] = State.Failed;
        var record = member.Records[index];
        member.Fail(record.Place, reason);
        if (member.RetriesInPlace && record.Key is { } key)
        {
            lock (_failedKeys)
                _failedKeys.Add(Identity(record.Place.Topic, key));
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

    /// <summary>The consumer has gone on, or lost the partitions: nothing that is told counts any more.</summary>
    public void End() => _isOver = true;

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

    private static string Identity(string topic, ReadOnlyMemory<byte> key) => $"{topic}/{Convert.ToHexString(key.Span)}";
}
