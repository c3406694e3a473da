using System.Collections.Immutable;
using OrleansStream.Groups.State;

namespace OrleansStream.Tests.Groups.State;

/// <summary>Records that wait in place, under consumers that fail, repeat their polls and start anew at random.</summary>
public sealed class GroupHoldsPropertyTests
{
    private const int RecordCount = 60;
    private const int ReadMax = 7;
    private const int KeyCount = 4;
    private static readonly RetryPolicy Policy = new("g", MaxAttempts: 3, [1_000, 5_000], Jitter: 0, InPlace: true, DeadLetterTopic: null);
    private static readonly GroupTopic Topic = new("t", Guid.NewGuid(), PartitionCount: 1);
    private static readonly TopicPartition Place = new(Topic.Id, 0);

    private readonly List<string> _problems = [];
    private readonly int[] _attempts = new int[RecordCount];
    private readonly long[] _notBefore = new long[RecordCount];
    private readonly bool[] _isSettled = new bool[RecordCount];
    private GroupState _state = new();
    private GroupTime _now = new(0, 1_000_000);
    private MemberClaim? _claim;
    private PollCommand? _last;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 200)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Poll_WhenRecordsFailAtRandom_KeepsEachKeysOrderAndItsAttempts(int seed)
    {
        var random = new Random(seed);
        int?[] keys = [.. Enumerable.Range(0, RecordCount).Select(_ => random.Next(KeyCount + 1) is var key && key < KeyCount ? (int?)key : null)];
        _state.SetRetry(Policy, _now);
        for (var step = 0; step < 3_000 && !_isSettled.All(isSettled => isSettled); step++)
        {
            _now = new GroupTime(_now.MonotonicMs + 500, _now.UnixMs + 500);
            _state.Tick(_now);
            Step(random, keys);
            if (random.Next(10) == 0)
                _state = Restored();
        }

        Assert.All(_isSettled, Assert.True);
        Assert.Empty(_problems);
    }

    // One poll that reads, and one that tells what became of it; either may be repeated, or its process be gone.
    private void Step(Random random, int?[] keys)
    {
        if (_claim is null)
            Send(new PollCommand("m", ["t"], [new TopicLookup("t", Topic)], null, [], 60_000, null));
        var holds = _state.HoldsOf(Place);
        var committed = _state.FindOffset(Place)?.Offset ?? 0;
        var seen = new HashSet<int>();
        HeldRecord[] due = [.. holds.Where(held => held.Key is not { } key || seen.Add(key)).Where(held => held.DueMs <= _now.UnixMs)];
        var blocked = holds.Select(held => held.Key).OfType<int>().ToHashSet();
        var end = Math.Min(committed + ReadMax, RecordCount);
        long[] read = [.. Enumerable.Range(0, (int)(end - committed)).Select(i => committed + i)];
        long[] fresh = [.. read.Where(offset => keys[offset] is not { } key || !blocked.Contains(key))];
        foreach (var (offset, attempt) in due.Select(held => (held.Offset, held.Attempt)).Concat(fresh.Select(offset => (offset, 1))))
            CheckDelivery(offset, attempt, keys);
        if (random.Next(6) == 0)
        {
            // Killed with all that in hand.
            _claim = null;
            return;
        }

        // A failed record of a key stops it: the later ones of the answer are left alone.
        var failedKeys = new HashSet<int>();
        var failed = ImmutableArray.CreateBuilder<HoldFailed>();
        var waiting = read.Except(fresh).Select(offset => new HoldWaiting(offset, keys[offset])).ToList();
        var done = ImmutableArray.CreateBuilder<HoldDone>();
        foreach (var (offset, attempt, isHeld) in due.Select(held => (held.Offset, held.Attempt, true)).Concat(
            fresh.Select(offset => (offset, 1, false))))
        {
            var isLater = keys[offset] is { } key && failedKeys.Contains(key);
            var fails = !isLater && random.Next(3) == 0;
            if (isLater)
                waiting.Add(new HoldWaiting(offset, keys[offset]));
            else if (fails)
                failed.Add(new HoldFailed(offset, keys[offset], attempt));
            else if (isHeld)
                done.Add(new HoldDone(offset, attempt));
            if (fails && keys[offset] is { } failedKey)
                failedKeys.Add(failedKey);
            if (!isLater)
                Note(offset, attempt, fails);
        }

        // What a caller made up, at and behind the offset that it commits, is not held.
        if (random.Next(3) == 0)
        {
            waiting.Add(new HoldWaiting(end + random.Next(3), random.Next(KeyCount)));
            failed.Add(new HoldFailed(end + random.NextInt64(1L << 40), random.Next(KeyCount), Attempt: 1));
        }

        var change = new HoldsChange(Place, done.ToImmutable(), failed.ToImmutable(), [.. waiting], random.NextDouble());
        var command = new PollCommand("m", ["t"], [], _claim, [new OffsetCommit(Place, end)], 60_000, null) { Holds = [change] };
        Send(command);
        if (_state.HoldsOf(Place).Any(held => held.Offset >= end))
            _problems.Add("Something is held that was not passed over.");
        if (random.Next(4) == 0)
        {
            // The answer was lost: the same poll again changes nothing.
            var before = _state.HoldsOf(Place);
            Send(_last!);
            if (!before.SequenceEqual(_state.HoldsOf(Place)))
                _problems.Add("A repeated poll changed what waits.");
        }
    }

    private void CheckDelivery(long offset, int attempt, int?[] keys)
    {
        if (_isSettled[offset])
            _problems.Add($"{offset} came again though it was done.");
        if (attempt != _attempts[offset] + 1)
            _problems.Add($"{offset} came as attempt {attempt} after {_attempts[offset]}.");
        if (_now.UnixMs < _notBefore[offset])
            _problems.Add($"{offset} came before its time.");
        if (keys[offset] is { } key
            && Enumerable.Range(0, (int)offset).Any(earlier => keys[earlier] == key && !_isSettled[earlier] && _attempts[earlier] > 0))
        {
            _problems.Add($"{offset} overtook an earlier one of its key.");
        }
    }

    private void Note(long offset, int attempt, bool fails)
    {
        _isSettled[offset] = !fails || attempt >= Policy.MaxAttempts;
        _attempts[offset] = attempt;
        _notBefore[offset] = fails ? _now.UnixMs + Policy.BackoffMs[Math.Min(attempt, 2) - 1] : 0;
    }

    private void Send(PollCommand command)
    {
        _last = command;
        var answer = _state.Poll(command, _now).Answer;
        Assert.Null(answer.Refusal);
        _claim = new MemberClaim(answer.Incarnation, answer.Epoch);
    }

    private GroupState Restored()
    {
        var restored = GroupState.Restore(_state.ToEvents(), _now);
        if (!restored.HoldsOf(Place).SequenceEqual(_state.HoldsOf(Place)))
            _problems.Add("What waits is not what it was, after it was stored and read.");
        return restored;
    }
}
