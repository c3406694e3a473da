using System.Collections.Immutable;
using OrleansStream.Coordination;

namespace OrleansStream.Tests.Coordination;

/// <summary>
/// A group and the processes that poll it, as seen from both sides: what the state holds, and what each process was told and
/// may still believe. Every step checks that the two agree as far as they must.
/// </summary>
internal sealed class GroupRun
{
    public const int LeaseMs = 10_000;
    private const int TickMs = 1_000;

    private readonly List<GroupEvent> _history = [];
    private readonly Dictionary<string, GroupTopic> _topics = [];
    private readonly Dictionary<string, Process> _processes = [];
    private readonly Dictionary<TopicPartition, long> _committed = [];
    private int _topicIds;

    public GroupState State { get; private set; } = new();

    public GroupTime Now { get; private set; } = new(1_000_000, 1_700_000_000_000);

    public IReadOnlyDictionary<string, GroupTopic> Topics => _topics;

    /// <summary>A process that polls as a member, and what it was told last.</summary>
    public sealed class Process(string member)
    {
        public string Member { get; } = member;
        public MemberClaim? Claim { get; set; }
        public MemberClaim? ClaimBefore { get; set; }
        public PartitionSet Believed { get; set; } = PartitionSet.Empty;
        public long BelievedUntilMs { get; set; }
        public Dictionary<TopicPartition, long> Done { get; } = [];
    }

    /// <summary>Creates a topic, or adds partitions to it.</summary>
    public void SetTopic(string name, int partitions)
    {
        _topics[name] = _topics.TryGetValue(name, out var known)
            ? known with { PartitionCount = Math.Max(known.PartitionCount, partitions) }
            : new GroupTopic(name, new Guid(++_topicIds, 0, 0, new byte[8]), partitions);
        Learn(name);
    }

    public void DeleteTopic(string name)
    {
        if (_topics.Remove(name, out var topic))
        {
            Learn(name);
            foreach (var gone in _committed.Keys.Where(partition => partition.TopicId == topic.Id).ToArray())
                _committed.Remove(gone);
        }
    }

    public Process ProcessOf(string id)
    {
        if (!_processes.TryGetValue(id, out var process))
            _processes[id] = process = new Process(id.Split('/')[0]);
        return process;
    }

    /// <summary>A process polls: done with all it got, which is one record of each partition, or with nothing.</summary>
    public MemberAnswer Poll(string id, string[] topics, bool isRestart = false, bool isStale = false, bool commits = true, string? assignor = null)
    {
        var process = ProcessOf(id);
        var claim = isRestart ? null : isStale ? process.ClaimBefore : process.Claim;
        var done = claim is null || !commits ? [] : process.Done
            .Select(one => new OffsetCommit(one.Key, one.Value)).ToImmutableArray();
        var command = new PollCommand(
            process.Member, [.. topics], [.. topics.Select(name => new TopicLookup(name, _topics.GetValueOrDefault(name)))], claim, done, LeaseMs, assignor);
        // From here on it believes nothing until it is answered: its records are done with, or will come again.
        process.Believed = PartitionSet.Empty;
        var owners = Owners();
        var answer = Take(State.Poll(command, Now), owners);
        if (answer.Refusal is not null)
            Assert.DoesNotContain(_history.TakeLast(_lastEventCount), change => change is OffsetsCommitted);
        foreach (var other in _processes.Values.Where(other => other.Member == process.Member && other != process && claim is null))
            other.Believed = PartitionSet.Empty;
        Told(process, answer);
        Check();
        return answer;
    }

    /// <summary>Where the group would let a poll of this process start in a partition.</summary>
    public long Position(TopicPartition partition) => State.FindOffset(partition)?.Offset ?? 0;

    public MemberAnswer Commit(string id, TopicPartition partition, long offset, string metadata = "")
    {
        var process = ProcessOf(id);
        var answer = Take(
            State.Commit(process.Member, process.Claim ?? default, [new OffsetCommit(partition, offset, metadata)], Now), Owners());
        Check();
        return answer;
    }

    public GroupRefusal? Leave(string id)
    {
        var process = ProcessOf(id);
        var refusal = Take(State.Leave(process.Member, null, Now), Owners());
        foreach (var one in _processes.Values.Where(one => one.Member == process.Member))
            one.Believed = PartitionSet.Empty;
        Check();
        return refusal;
    }

    public GroupRefusal? Reset(TopicPartition partition, long offset)
    {
        var topic = _topics.Values.Single(topic => topic.Id == partition.TopicId);
        var refusal = Take(State.Reset([new OffsetCommit(partition, offset)], [new TopicLookup(topic.Name, topic)], Now), Owners(), isReset: true);
        Check();
        return refusal;
    }

    /// <summary>Lets time pass, with the coordinator looking at the clock as often as it does.</summary>
    public void Pass(long ms)
    {
        for (long left = ms; left > 0; left -= TickMs)
        {
            Now = new GroupTime(Now.MonotonicMs + Math.Min(left, TickMs), Now.UnixMs + Math.Min(left, TickMs));
            Take(State.Tick(Now), Owners());
        }

        Check();
    }

    /// <summary>Lets time pass in which nothing of the coordinator runs.</summary>
    public void Freeze(long ms)
    {
        Now = new GroupTime(Now.MonotonicMs + ms, Now.UnixMs + ms);
        foreach (var process in _processes.Values)
            process.BelievedUntilMs += Math.Max(0, ms - CoordinationLimits.PauseMsMax);
    }

    /// <summary>Another activation reads the state back, on a machine with another monotonic clock.</summary>
    public void Reactivate(long clockShiftMs)
    {
        var before = Describe(State.ToEvents());
        Now = Now with { MonotonicMs = Now.MonotonicMs + clockShiftMs };
        foreach (var process in _processes.Values)
            process.BelievedUntilMs += clockShiftMs;
        State = GroupState.Restore(State.ToEvents(), Now);
        Assert.Equal(before, Describe(State.ToEvents()));
        Check();
    }

    /// <summary>The living members go on polling until nothing changes any more.</summary>
    public void Settle(IReadOnlyDictionary<string, string[]> living)
    {
        for (var round = 0; round < 6; round++)
        {
            Pass(TickMs);
            foreach (var (id, topics) in living)
                Poll(id, topics);
        }
    }

    private int _lastEventCount;

    private T Take<T>(Handled<T> handled, Dictionary<TopicPartition, string> owners, bool isReset = false)
    {
        foreach (var change in handled.Events)
        {
            _history.Add(change);
            if (change is GroupDeleted)
                _committed.Clear();
            var offsets = change switch
            {
                OffsetsCommitted committed => committed.Offsets,
                OffsetsReset reset => reset.Offsets,
                _ => [],
            };
            foreach (var offset in offsets)
            {
                Assert.True(isReset || owners.ContainsKey(offset.Place), $"Nobody had {offset.Place}.");
                Assert.True(isReset || offset.Offset >= _committed.GetValueOrDefault(offset.Place), $"{offset} goes back.");
                _committed[offset.Place] = offset.Offset;
            }
        }

        _lastEventCount = handled.Events.Length;
        return handled.Answer;
    }

    private void Told(Process process, MemberAnswer answer)
    {
        process.ClaimBefore = process.Claim ?? process.ClaimBefore;
        process.Claim = answer.Epoch == 0 ? null : new MemberClaim(answer.Incarnation, answer.Epoch);
        process.Believed = answer.Epoch == 0 ? PartitionSet.Empty : answer.Assigned;
        process.BelievedUntilMs = Now.MonotonicMs + answer.LeaseLeftMs;
        process.Done.Clear();
        foreach (var partition in process.Believed)
            process.Done[partition] = Position(partition) + 1;
    }

    private void Learn(string name) =>
        Take(State.UpdateTopics([new TopicLookup(name, _topics.GetValueOrDefault(name))], Now), Owners());

    private Dictionary<TopicPartition, string> Owners() => State.Members
        .SelectMany(member => member.Assigned.Select(partition => (partition, member.Id)))
        .ToDictionary(pair => pair.partition, pair => pair.Id);

    private void Check()
    {
        // Never two owners: as the state has it (this throws), and as processes with a lease must believe it.
        _ = Owners();
        var believed = _processes.Values.Where(process => process.BelievedUntilMs > Now.MonotonicMs)
            .SelectMany(process => process.Believed.Select(partition => (partition, process.Member)));
        foreach (var partition in believed.GroupBy(pair => pair.partition))
            Assert.True(partition.Count() == 1, $"{partition.Key} is with {string.Join(" and ", partition.Select(pair => pair.Member))}.");
        foreach (var (partition, offset) in _committed)
            Assert.Equal(offset, State.FindOffset(partition)?.Offset);
        // Replayed from its first event on, the state is the same.
        Assert.Equal(Describe(State.ToEvents()), Describe(GroupState.Restore(_history, Now).ToEvents()));
    }

    private static string Describe(IEnumerable<GroupEvent> events) =>
        System.Text.Json.JsonSerializer.Serialize(events);
}
