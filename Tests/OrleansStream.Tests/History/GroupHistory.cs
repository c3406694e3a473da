using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.History;

/// <summary>How a poll ended for the process that sent it.</summary>
internal enum GroupPollOutcome
{
    /// <summary>No answer reached the process: it was killed, or the server was.</summary>
    Unknown,

    /// <summary>Answered; what it committed is committed.</summary>
    Accepted,

    /// <summary>Refused for its epoch; it committed nothing.</summary>
    Refused,
}

/// <summary>One poll of one process of a group's member, as that process saw it.</summary>
/// <param name="Member">The member.</param>
/// <param name="Process">The process: no two have the same number, whoever the member is.</param>
/// <param name="Sent">When it was sent; any clock that never goes back.</param>
/// <param name="Claim">The member epoch that it was sent with; 0 without a cursor.</param>
/// <param name="Commits">Per partition, what it says is done: the offset behind the last record that it was given.</param>
internal sealed record GroupPollEvent(string Member, int Process, long Sent, long Claim, IReadOnlyDictionary<int, long> Commits)
{
    /// <summary>How it ended.</summary>
    public GroupPollOutcome Outcome { get; set; }

    /// <summary>When its answer was there.</summary>
    public long Ended { get; set; } = long.MaxValue;

    /// <summary>The member epoch of its answer.</summary>
    public long Epoch { get; set; }

    /// <summary>The partitions that its answer says are the member's.</summary>
    public IReadOnlyList<int> Assignment { get; set; } = [];

    /// <summary>The records of its answer, in order.</summary>
    public IReadOnlyList<Place> Records { get; set; } = [];
}

/// <summary>
/// What the members of one group saw of one topic, and the judgement whether a right group can explain it. It is a list of
/// events; safe to be added to by many.
/// </summary>
internal sealed class GroupHistory
{
    private readonly Lock _lock = new();
    private readonly List<Place> _acked = [];
    private readonly List<GroupPollEvent> _polls = [];

    /// <summary>A record was acknowledged to its producer.</summary>
    public void Acked(Place place)
    {
        lock (_lock)
            _acked.Add(place);
    }

    /// <summary>A poll is about to be sent; its outcome is filled in when it ended.</summary>
    public void Sent(GroupPollEvent poll)
    {
        lock (_lock)
            _polls.Add(poll);
    }

    /// <summary>The count of records acknowledged.</summary>
    public int AckedCount
    {
        get
        {
            lock (_lock)
                return _acked.Count;
        }
    }

    /// <summary>The polls so far.</summary>
    public IReadOnlyList<GroupPollEvent> Polls
    {
        get
        {
            lock (_lock)
                return [.. _polls];
        }
    }

    /// <summary>The records that were acknowledged and that no member has been given yet.</summary>
    public IReadOnlyCollection<Place> Undelivered
    {
        get
        {
            lock (_lock)
                return _acked.Except(_polls.SelectMany(poll => poll.Records)).ToHashSet();
        }
    }

    /// <summary>Judges the history, once everything has come to rest.</summary>
    /// <param name="committed">Per partition the offset that the group has committed in the end.</param>
    /// <returns>What is wrong, in words; empty when nothing is.</returns>
    public IReadOnlyList<string> Check(IReadOnlyDictionary<int, long> committed)
    {
        var findings = new List<string>();
        findings.AddRange(Undelivered.Order(PlaceOrder).Select(place => $"{place} was acknowledged, and no member was given it"));
        GroupPollEvent[] accepted = [.. Polls.Where(poll => poll.Outcome == GroupPollOutcome.Accepted).OrderBy(poll => poll.Ended)];
        CheckEpochs(accepted, findings);
        CheckOwners(accepted, findings);
        CheckRedelivery(accepted, findings);
        CheckProcesses(accepted, findings);
        foreach (var (partition, offset) in accepted.SelectMany(poll => poll.Commits))
        {
            if (committed.GetValueOrDefault(partition, -1) < offset)
                findings.Add($"partition {partition} was committed up to {offset}, and is at {committed.GetValueOrDefault(partition, -1)}");
        }

        return findings;
    }

    private static Comparer<Place> PlaceOrder { get; } =
        Comparer<Place>.Create((a, b) => (a.Partition, a.Offset).CompareTo((b.Partition, b.Offset)));

    // An epoch is one member's, and means one set of partitions; a partition is in one member's epoch at a time.
    private static void CheckEpochs(GroupPollEvent[] accepted, List<string> findings)
    {
        foreach (var epoch in accepted.GroupBy(poll => poll.Epoch))
        {
            var meanings = epoch.Select(poll => $"{poll.Member} with {string.Join(',', poll.Assignment.Order())}").Distinct().ToArray();
            if (meanings.Length > 1)
                findings.Add($"epoch {epoch.Key} means {string.Join(" and ", meanings)}");
        }
    }

    // Once a member was told that a partition is its own, a poll that another one sends after that, under an older epoch,
    // neither commits it nor is told that it still has it.
    private static void CheckOwners(GroupPollEvent[] accepted, List<string> findings)
    {
        var owners = new Dictionary<int, (long Epoch, string Member)>();
        Sweep(
            accepted,
            told =>
            {
                foreach (var partition in told.Assignment.Where(partition => owners.GetValueOrDefault(partition).Epoch < told.Epoch))
                    owners[partition] = (told.Epoch, told.Member);
            },
            poll =>
            {
                bool IsStale(int partition, long epoch) =>
                    owners.TryGetValue(partition, out var owner) && owner.Epoch > epoch && owner.Member != poll.Member;
                findings.AddRange(poll.Commits.Keys.Where(partition => IsStale(partition, poll.Claim)).Select(partition =>
                    $"{poll.Member} committed partition {partition} under epoch {poll.Claim}, after {owners[partition].Member} had it under {owners[partition].Epoch}"));
                findings.AddRange(poll.Assignment.Where(partition => IsStale(partition, poll.Epoch)).Select(partition =>
                    $"{poll.Member} has partition {partition} under epoch {poll.Epoch}, after {owners[partition].Member} had it under {owners[partition].Epoch}"));
            });
    }

    // What was committed before a poll was sent is not given to it.
    private static void CheckRedelivery(GroupPollEvent[] accepted, List<string> findings)
    {
        var committed = new Dictionary<int, long>();
        Sweep(
            accepted,
            told =>
            {
                foreach (var (partition, offset) in told.Commits)
                    committed[partition] = Math.Max(offset, committed.GetValueOrDefault(partition));
            },
            poll => findings.AddRange(poll.Records.Where(place => place.Offset < committed.GetValueOrDefault(place.Partition)).Select(place =>
                $"{poll.Member} was given {place} again, which was committed up to {committed[place.Partition]} before it asked")));
    }

    // A process that keeps its epoch reads each partition on where its last answer ended.
    private static void CheckProcesses(GroupPollEvent[] accepted, List<string> findings)
    {
        foreach (var poll in accepted.Where(poll => poll.Claim == poll.Epoch))
        {
            foreach (var records in poll.Records.GroupBy(place => place.Partition))
            {
                long? next = poll.Commits.TryGetValue(records.Key, out var known) ? known : null;
                foreach (var place in records)
                {
                    if (next is { } expected && place.Offset != expected)
                        findings.Add($"{poll.Member} was given {place} where {expected} follows");
                    next = place.Offset + 1;
                }
            }
        }
    }

    // Shows each poll as it is sent, and what it was told as its answer comes, in the order of time.
    private static void Sweep(GroupPollEvent[] accepted, Action<GroupPollEvent> onTold, Action<GroupPollEvent> onSent)
    {
        var told = 0;
        foreach (var poll in accepted.OrderBy(poll => poll.Sent))
        {
            for (; told < accepted.Length && accepted[told].Ended < poll.Sent; told++)
                onTold(accepted[told]);
            onSent(poll);
        }
    }
}
