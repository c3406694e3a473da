using System.Collections.Immutable;
using OrleansStream.Groups.State;

namespace OrleansStream.Tests.Groups.State;

/// <summary>Redrives that are stopped, repeated and stored anew at random: each dead letter is looked at, and taken once.</summary>
public sealed class RedrivePropertyTests
{
    private static readonly RetryPolicy Policy = new("g", MaxAttempts: 3, [], Jitter: 0, InPlace: false, DeadLetterTopic: null);
    private readonly Dictionary<(Guid Topic, long Offset), int> _taken = [];
    private readonly RedriveTopic[] _logs = [.. Enumerable.Range(0, 3).Select(i => new RedriveTopic($"t{i}.g.dlq", Guid.NewGuid(), Next: 0, End: 0))];
    private GroupState _state = new();
    private GroupTime _now = new(0, 1_000_000);

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 100)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Redrive_WhenItIsStoppedAndItsStepsAreRepeated_TakesEachDeadLetterOnceAndCountsAll(int seed)
    {
        var random = new Random(seed);
        _state.SetRetry(Policy, _now);
        for (var run = 0; run < 12; run++)
        {
            for (var i = 0; i < _logs.Length; i++)
                _logs[i] = _logs[i] with { End = _logs[i].End + random.Next(20) };
            // A topic without dead letters of its own is found all the same.
            Assert.Null(_state.BeginRedrive(new RedriveWish(null, null, null), [.. _logs], Later()).Answer);
            var all = _state.Redrive!.LeftCount();
            Run(random, isLast: run == 11);
            var redrive = _state.Redrive!;
            Assert.NotNull(redrive.EndedMs);
            Assert.Equal(all, redrive.RedrivenCount + redrive.KeptCount + redrive.LeftCount());
            Assert.Equal(redrive.KeptCount, redrive.Reasons.Sum(reason => reason.Count));
        }

        Assert.Equal(_logs.Sum(log => log.End), _taken.Count);
        Assert.All(_taken.Values, times => Assert.Equal(1, times));
    }

    private void Run(Random random, bool isLast)
    {
        RedriveTopic? late = null;
        while (_state.Redrive is { EndedMs: null } running)
        {
            var topic = running.Topics.First(one => one.LeftCount > 0);
            if (!isLast && random.Next(8) == 0)
            {
                Assert.True(_state.StopRedrive(Later()).Answer);
                // Its last step may end after it.
                late = random.Next(2) == 0 ? topic : null;
            }
            else
            {
                Step(random, topic, isLast);
            }

            if (random.Next(5) == 0)
                _state = GroupState.Restore(_state.ToEvents(), Later());
        }

        if (late is not null)
            Step(random, late, isLast);
    }

    private void Step(Random random, RedriveTopic topic, bool isLast)
    {
        var next = random.NextInt64(topic.Next, topic.End + 1);
        var left = ImmutableArray.CreateBuilder<RedriveTopic>();
        var redriven = 0;
        for (var offset = topic.Next; offset < next; offset++)
        {
            if (!isLast && random.Next(4) == 0)
            {
                left.Add(topic with { Next = offset, End = offset + 1 });
                continue;
            }

            redriven++;
            _taken[(topic.Id, offset)] = _taken.GetValueOrDefault((topic.Id, offset)) + 1;
        }

        var progress = new RedriveProgress(next, redriven, left.Count, 0, [new RedriveReason("too_large", left.Count, null)], left.ToImmutable());
        for (var repeats = random.Next(1, 3); repeats > 0; repeats--)
            _state.AdvanceRedrive(topic, progress, Later());
    }

    [Fact]
    public void Redrive_WhenItLeavesTooManyStretches_StopsAndTheNextBeginsWithThem()
    {
        var count = GroupStateLimits.RedriveStretchesMax;
        var log = _logs[0] with { End = 4 * count };
        _state.SetRetry(Policy, _now);
        _state.BeginRedrive(new RedriveWish(null, null, null), [log], Later());
        ImmutableArray<RedriveTopic> left = [.. Enumerable.Range(0, count).Select(i => log with { Next = 2 * i, End = 2 * i + 1 })];
        _state.AdvanceRedrive(_state.Redrive!.Topics[0], new RedriveProgress(2 * count, count, count, 0, [], left), Later());
        Assert.Equal(2 * count, _state.Redrive!.LeftCount());
        Assert.NotNull(_state.Redrive.EndedMs);

        _state.BeginRedrive(new RedriveWish(null, null, null), [log], Later());
        Assert.Equal(3 * count, _state.Redrive!.LeftCount());
    }

    private GroupTime Later() => _now = new GroupTime(_now.MonotonicMs + 10, _now.UnixMs + 10);
}
