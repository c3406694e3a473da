using System.Collections.Immutable;
using OrleansStream.Groups.State;

namespace OrleansStream.Tests.Groups.State;

/// <summary>
/// A group and the processes that poll it, as seen from both sides: what the state holds, and what each process was told and
/// may still believe. Every step checks that the two agree as far as they must.
/// </summary>
internal sealed partial class GroupRun
{
    public const int LeaseMs = 10_000;
    private const int TickMs = 1_000;

    private readonly List<GroupEvent> _history = [];
    private readonly Dictionary<string, GroupTopic> _topics = [];
    private readonly Dictionary<string, Process> _processes = [];
    private readonly Dictionary<TopicPartition, long> _committed = [];
    private readonly Dictionary<string, (Guid Id, int OldPartitions)> _known = [];
    private Dictionary<string, IEnumerable<string>> _subscriptions = [];
    private int _topicIds;
    private int _replayed;

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

        /// <summary>What one that says what it has was told to have; null when it has that.</summary>
        public PartitionSet? Told { get; set; }

        /// <summary>Until when it lets go of what it shall not have.</summary>
        public long? LetsGoByMs { get; set; }

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
    public MemberAnswer Poll(
        string id, string[] topics, bool isRestart = false, bool isStale = false, bool commits = true, string? assignor = null,
        bool neverJoins = false, bool keepsPartitions = false)
    {
        var process = ProcessOf(id);
        var claim = isRestart ? null : isStale ? process.ClaimBefore : process.Claim;
        var done = claim is null || !commits ? [] : process.Done
            .Select(one => new OffsetCommit(one.Key, one.Value)).ToImmutableArray();
        var command = new PollCommand(
            process.Member, [.. topics], [.. topics.Select(name => new TopicLookup(name, _topics.GetValueOrDefault(name)))], claim, done, LeaseMs,
            assignor)
        {
            NeverJoins = neverJoins,
            KeepsPartitions = keepsPartitions,
        };
        var before = State.Members.ToDictionary(member => member.Id, member => member.Assigned);
        var existed = State.Exists;
        // From here on it believes nothing until it is answered: its records are done with, or will come again.
        process.Believed = PartitionSet.Empty;
        var owners = Owners();
        var answer = Take(State.Poll(command, Now), owners);
        if (answer.Refusal is not null)
            Assert.DoesNotContain(_history.TakeLast(_lastEventCount), change => change is OffsetsCommitted);
        foreach (var other in _processes.Values.Where(other => other.Member == process.Member && other != process && claim is null))
            other.Believed = PartitionSet.Empty;
        if (neverJoins)
        {
            Assert.True(existed || !State.Exists, "A group came back.");
            Assert.All(State.Members, member => Assert.True(before.ContainsKey(member.Id), $"{member.Id} came back."));
        }

        if (keepsPartitions && State.FindMember(process.Member) is { } kept && before.TryGetValue(kept.Id, out var had)
            && !_lastEvents.Any(change => change is MemberLeft left && left.Member == kept.Id))
        {
            Assert.Equal(had, kept.Assigned);
        }

        Told(process, answer);
        Check();
        return answer;
    }

    /// <summary>A wait in a process's name: renews, and never joins.</summary>
    public MemberAnswer Wait(string id)
    {
        var process = ProcessOf(id);
        var before = State.Members.Select(member => member.Id).ToHashSet();
        var answer = Take(State.Renew(process.Member, process.Claim ?? default, Now), Owners());
        Assert.All(State.Members, member => Assert.Contains(member.Id, before));
        if (answer.Epoch != 0 && answer.Refusal is null && process.Believed.Count > 0)
            process.BelievedUntilMs = Now.MonotonicMs + answer.LeaseLeftMs;
        Check();
        return answer;
    }

    public GroupRefusal? Delete()
    {
        var refusal = Take(State.Delete(Now), Owners());
        if (refusal is null)
            Assert.False(State.Exists);

        Check();
        return refusal;
    }

    /// <summary>
    /// The owner of a partition meets the end of its log below the committed offset, or what it believes that to be, and goes on elsewhere:
    /// that is committed, and so is what it commits afterwards.
    /// </summary>
    public void GoBack(string id, TopicPartition partition, long to, long believed)
    {
        var process = ProcessOf(id);
        var before = State.FindOffset(partition)?.Offset;
        HeldRecord[] held = [.. State.HoldsOf(partition)];
        var answer = Take(
            State.Commit(process.Member, process.Claim ?? default, [new OffsetCommit(partition, to, InPlaceOf: believed)], Now), Owners(),
            mayGoBack: before == believed);
        var expected = answer.Refusal is null && before == believed && to < believed ? to : before;
        if (State.FindTopic(partition.TopicId) is not null && State.Exists)
            Assert.Equal(expected, State.FindOffset(partition)?.Offset);
        if (answer.Refusal is null && expected == to)
        {
            Assert.Equal(held.Where(one => one.Offset < to), State.HoldsOf(partition));
            Commit(id, partition, to + 1);
            Assert.Equal(to + 1, State.FindOffset(partition)?.Offset);
        }

        Check();
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
        var refusal = Take(State.Reset([new OffsetCommit(partition, offset)], [new TopicLookup(topic.Name, topic)], Now), Owners(), mayGoBack: true);
        Check();
        return refusal;
    }

    /// <summary>Lets time pass, with the coordinator looking at the clock as often as it does.</summary>
    public void Pass(long ms)
    {
        for (var left = ms; left > 0; left -= TickMs)
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
        {
            process.BelievedUntilMs += Math.Max(0, ms - GroupStateLimits.PauseMsMax);
            process.LetsGoByMs += Math.Max(0, ms - GroupStateLimits.PauseMsMax);
        }

    }

    /// <summary>Another activation reads the state back, on a machine with another monotonic clock.</summary>
    public void Reactivate(long clockShiftMs)
    {
        var before = Describe(State.ToEvents());
        Now = Now with { MonotonicMs = Now.MonotonicMs + clockShiftMs };
        foreach (var process in _processes.Values)
        {
            process.BelievedUntilMs += clockShiftMs;
            process.LetsGoByMs += clockShiftMs;
        }

        State = GroupState.Restore(State.ToEvents(), Now);
        Assert.Equal(before, Describe(State.ToEvents()));
        Check();
    }

    /// <summary>The living members go on polling until nothing changes any more.</summary>
    public void Settle(IReadOnlyDictionary<string, string[]> living)
    {
        for (var round = 0; round < 8; round++)
        {
            Pass(TickMs);
            foreach (var (id, topics) in living)
            {
                if (State.FindMember(id) is { Consumer: not null })
                    Beat(id, topics);
                else
                    Poll(id, topics);
            }

        }
    }

    private int _lastEventCount;
    private GroupEvent[] _lastEvents = [];

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
}
