using System.Diagnostics;

namespace OrleansStream.Tests.Kafka.Failover;

/// <summary>A partition as one member of a group had it, from the moment it was given to it until it gave it up.</summary>
/// <param name="group">The group.</param>
/// <param name="member">The member.</param>
/// <param name="partition">The partition.</param>
/// <param name="since">When it was given; any clock that never goes back.</param>
internal sealed class Turn(string group, string member, int partition, long since)
{
    public string Group => group;

    public string Member => member;

    public int Partition => partition;

    public long Since => since;

    /// <summary>What was read, in order.</summary>
    public List<(long Offset, long Number, long At)> Reads { get; } = [];

    public override string ToString() => $"{group}, {member}, partition {partition}";
}

/// <summary>A commit that was accepted.</summary>
/// <param name="Group">The group.</param>
/// <param name="Member">The member that made it.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Offset">The offset behind the last record that is done with.</param>
/// <param name="Began">When it was sent.</param>
/// <param name="Ended">When it was answered.</param>
internal readonly record struct Commit(string Group, string Member, int Partition, long Offset, long Began, long Ended);

/// <summary>A time in which a partition stood still for someone.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Began">When its last record came before it.</param>
/// <param name="Time">How long it took.</param>
internal readonly record struct Gap(int Partition, long Began, TimeSpan Time);

/// <summary>What Kafka clients saw of one topic, and the judgement whether a right service can explain it. Safe to be added to by many.</summary>
/// <remarks>Each partition has one idempotent producer, which numbers its records 0, 1, 2, … and gives up none.</remarks>
internal sealed class KafkaHistory
{
    /// <summary>What the gaps of the producers stand under.</summary>
    public const string Producers = "producers";

    private readonly Lock _lock = new();
    private readonly List<(int Partition, long Offset, long Number, long At)> _acks = [];
    private readonly List<Turn> _turns = [];
    private readonly List<Commit> _commits = [];
    private readonly List<string> _failures = [];

    /// <summary>A record was acknowledged.</summary>
    public void Acked(int partition, long offset, long number, long at)
    {
        lock (_lock)
            _acks.Add((partition, offset, number, at));
    }

    /// <summary>A member was given a partition.</summary>
    public Turn Began(string group, string member, int partition, long since)
    {
        var turn = new Turn(group, member, partition, since);
        lock (_lock)
            _turns.Add(turn);
        return turn;
    }

    /// <summary>A member was given a record.</summary>
    public void Read(Turn turn, long offset, long number, long at)
    {
        lock (_lock)
            turn.Reads.Add((offset, number, at));
    }

    /// <summary>A commit was accepted.</summary>
    public void Committed(Commit commit)
    {
        lock (_lock)
            _commits.Add(commit);
    }

    /// <summary>A client failed in a way that none should.</summary>
    public void Failed(string failure)
    {
        lock (_lock)
            _failures.Add(failure);
    }

    /// <summary>The records acknowledged.</summary>
    public int AckCount
    {
        get
        {
            lock (_lock)
                return _acks.Count;
        }
    }

    /// <summary>The records read by all groups, each as often as it came.</summary>
    public int ReadCount
    {
        get
        {
            lock (_lock)
                return _turns.Sum(turn => turn.Reads.Count);
        }
    }

    /// <summary>The commits accepted.</summary>
    public int CommitCount
    {
        get
        {
            lock (_lock)
                return _commits.Count;
        }
    }

    /// <summary>The turns of members.</summary>
    public int TurnCount
    {
        get
        {
            lock (_lock)
                return _turns.Count;
        }
    }

    /// <summary>Whether a group was given every record that was acknowledged.</summary>
    public bool HasAll(string group)
    {
        lock (_lock)
        {
            var read = _turns.Where(turn => turn.Group == group).SelectMany(
                turn => turn.Reads.Select(one => (turn.Partition, one.Offset))).ToHashSet();
            return _acks.All(ack => read.Contains((ack.Partition, ack.Offset)));
        }
    }

    /// <summary>
    /// The times without an acknowledgement of a partition, and, by groups, without a record of a partition that the group was given: of each
    /// partition the longest, the longest partition first.
    /// </summary>
    /// <param name="elapsed">Tells the time between two moments.</param>
    public IReadOnlyDictionary<string, IReadOnlyList<Gap>> FindGaps(Func<long, long, TimeSpan> elapsed)
    {
        lock (_lock)
        {
            var gaps = _turns.GroupBy(turn => turn.Group).ToDictionary(group => group.Key, group => Longest(group
                .GroupBy(turn => turn.Partition, turn => turn.Reads.Select(read => read.At))
                .Select(partition => (partition.Key, partition.SelectMany(times => times)))));
            gaps[Producers] = Longest(
                _acks.GroupBy(ack => ack.Partition, ack => ack.At).Select(partition => (partition.Key, partition.AsEnumerable())));
            return gaps;
        }

        IReadOnlyList<Gap> Longest(IEnumerable<(int Partition, IEnumerable<long> Times)> lines) =>
        [
            .. lines.Select(line =>
            {
                long[] times = [.. line.Times.Order()];
                return times.Zip(times.Skip(1), (begin, end) => new Gap(line.Partition, begin, elapsed(begin, end)))
                    .DefaultIfEmpty(new Gap(line.Partition, 0, TimeSpan.Zero)).MaxBy(gap => gap.Time);
            }).OrderByDescending(gap => gap.Time),
        ];
    }

    /// <summary>Judges the history, once everything has come to rest.</summary>
    /// <param name="log">Per partition the numbers of its records as the service returns them in the end, by offset.</param>
    /// <param name="committed">Per group and partition the offset that is committed in the end; none where none is.</param>
    /// <returns>What is wrong, in words; empty when nothing is.</returns>
    public IReadOnlyList<string> Check(
        IReadOnlyDictionary<int, IReadOnlyList<long>> log, IReadOnlyDictionary<(string Group, int Partition), long> committed)
    {
        lock (_lock)
        {
            var findings = new List<string>(_failures);
            foreach (var (partition, numbers) in log)
            {
                for (var offset = 0; offset < numbers.Count; offset++)
                {
                    if (numbers[offset] != offset)
                    {
                        findings.Add($"partition {partition} has record {numbers[offset]} at offset {offset}: one is lost, doubled or out of order");
                        break;
                    }
                }
            }

            findings.AddRange(_acks.Where(ack => !Holds(log, ack.Partition, ack.Offset, ack.Number))
                .Select(ack => $"partition {ack.Partition}: record {ack.Number} was acknowledged at offset {ack.Offset}, and is not there"));
            foreach (var turn in _turns)
                CheckReads(turn, log, findings);
            foreach (var turns in _turns.GroupBy(turn => (turn.Group, turn.Partition)))
                CheckTurns([.. turns.OrderBy(turn => turn.Since)], findings);
            foreach (var commits in _commits.GroupBy(commit => (commit.Group, commit.Partition)))
                CheckCommits([.. commits.OrderBy(commit => commit.Ended)], committed.GetValueOrDefault(commits.Key, -1), findings);
            return findings;
        }
    }

    private static bool Holds(IReadOnlyDictionary<int, IReadOnlyList<long>> log, int partition, long offset, long number) =>
        log.TryGetValue(partition, out var numbers) && offset >= 0 && offset < numbers.Count && numbers[(int)offset] == number;

    private static void CheckReads(Turn turn, IReadOnlyDictionary<int, IReadOnlyList<long>> log, List<string> findings)
    {
        var expected = -1L;
        foreach (var (offset, number, at) in turn.Reads)
        {
            if (!Holds(log, turn.Partition, offset, number))
                findings.Add($"{turn}: was given record {number} at offset {offset}, where it is not");
            if (expected >= 0 && offset != expected)
            {
                findings.Add(
                    $"{turn}: was given offset {offset} behind {expected - 1}, {Stopwatch.GetElapsedTime(turn.Since, at).TotalSeconds:F1} s "
                    + $"after it was given the partition, whose first record was {turn.Reads[0].Offset}");
            }

            expected = offset + 1;
        }
    }

    // A turn begins where the group had committed: at or above what was committed before it, and at nothing that nobody was given.
    private void CheckTurns(Turn[] turns, List<string> findings)
    {
        var given = 0L;
        foreach (var turn in turns)
        {
            if (turn.Reads.Count == 0)
                continue;
            var first = turn.Reads[0].Offset;
            var committed = _commits.Where(commit => commit.Group == turn.Group && commit.Partition == turn.Partition && commit.Ended < turn.Since)
                .Select(commit => commit.Offset).DefaultIfEmpty(0).Max();
            if (first < committed)
                findings.Add($"{turn}: began at offset {first}, though {committed} had been committed before: it was reset");
            if (first > given)
                findings.Add($"{turn}: began at offset {first}, though the group had been given the records below {given} only: it was reset");
            given = Math.Max(given, turn.Reads[^1].Offset + 1);
        }
    }

    private static void CheckCommits(Commit[] commits, long last, List<string> findings)
    {
        var highest = commits[0];
        foreach (var commit in commits)
        {
            if (commit.Offset < highest.Offset && commit.Began > highest.Ended)
                findings.Add($"{commit} is behind {highest}");
            if (commit.Offset > highest.Offset)
                highest = commit;
        }

        if (last < highest.Offset)
            findings.Add($"{highest} was accepted, and {last} is committed in the end");
    }
}
