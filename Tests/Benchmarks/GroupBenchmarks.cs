using System.Collections.Immutable;
using BenchmarkDotNet.Attributes;
using OrleansStream.Groups.State;

namespace OrleansStream.Benchmarks;

/// <summary>A consumer group whose members share the partitions of one topic.</summary>
[MemoryDiagnoser]
public class GroupBenchmarks
{
    private const int LeaseMs = 30_000;
    private const int PartitionsOfMember = 4;
    private const string Joiner = "zz";
    private static readonly ImmutableSortedSet<string> Topics = ["matches"];
    private readonly Dictionary<string, MemberAnswer> _answers = [];
    private GroupTopic _topic = null!;
    private GroupState _group = null!;
    private ImmutableArray<GroupEvent> _stored;
    private long _nowMs = 1_000_000;
    private long _offset;
    private int _next;

    /// <summary>The members, each of which has four partitions.</summary>
    [Params(10, 1_000)]
    public int MemberCount { get; set; }

    private GroupTime Now => new(_nowMs, _nowMs);

    /// <summary>Has all members join, and poll until each has its partitions.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _topic = new GroupTopic("matches", Guid.NewGuid(), MemberCount * PartitionsOfMember);
        _group = new GroupState();
        for (var round = 0; round < 3 || _group.Phase != GroupPhase.Stable; round++)
        {
            for (var member = 0; member < MemberCount; member++)
                Poll(NameOf(member), []);

            _nowMs += GroupStateLimits.RebalanceDelayMs;
        }

        _stored = _group.ToEvents();
    }

    /// <summary>One member's poll: it renews its lease and commits the offsets of what it got.</summary>
    [Benchmark]
    public int PollAndCommit()
    {
        _next = (_next + 1) % MemberCount;
        _nowMs++;
        _offset++;
        var member = NameOf(_next);
        return Poll(member, [.. _answers[member].Assigned.Select(partition => new OffsetCommit(partition, _offset))]);
    }

    /// <summary>A member joins and leaves again: two assignments over all members and partitions.</summary>
    [Benchmark]
    public long JoinAndLeave()
    {
        Poll(Joiner, []);
        _nowMs += GroupStateLimits.RebalanceDelayMs;
        Poll(NameOf(0), []);
        _group.Leave(Joiner, epoch: null, Now);
        _answers.Remove(Joiner);
        _nowMs += GroupStateLimits.RebalanceDelayMs;
        Poll(NameOf(0), []);
        return _group.GroupEpoch;
    }

    /// <summary>The state as it is read back by the next coordinator.</summary>
    [Benchmark]
    public int Restore() => GroupState.Restore(_stored, Now).Members.Count;

    private static string NameOf(int member) => $"m{member:D4}";

    private int Poll(string member, ImmutableArray<OffsetCommit> commits)
    {
        MemberClaim? claim = _answers.TryGetValue(member, out var last) ? new MemberClaim(last.Incarnation, last.Epoch) : null;
        var handled = _group.Poll(
            new PollCommand(member, Topics, [new TopicLookup(_topic.Name, _topic)], claim, commits, LeaseMs, Assignor: null), Now);
        _answers[member] = handled.Answer;
        return handled.Answer.Refusal is { } refusal && commits.Length > 0
            ? throw new InvalidOperationException(refusal.Detail)
            : handled.Events.Length;
    }
}
