namespace OrleansStream.Tests.Kafka.Failover;

/// <summary>The checker finds each anomaly, and nothing in a right history.</summary>
public sealed class KafkaHistoryTests
{
    private readonly KafkaHistory _history = new();
    private readonly Dictionary<int, IReadOnlyList<long>> _log = new() { [0] = [0, 1, 2, 3] };
    private readonly Dictionary<(string Group, int Partition), long> _committed = new() { [("g", 0)] = 4 };
    private long _now;

    public KafkaHistoryTests()
    {
        for (var number = 0; number < 4; number++)
            _history.Acked(0, number, number, ++_now);
    }

    [Fact]
    public void Check_OfARightHistory_FindsNothing()
    {
        Read("a", 0, 1, 2);
        Commit("a", 2);
        // Record 2 was not committed, so it comes again.
        Read("b", 2, 3);
        Commit("b", 4);

        Assert.Empty(Check());
        Assert.True(_history.HasAll("g"));
    }

    [Fact]
    public void Check_WhenARecordIsLostDoubledOrOutOfOrder_SaysSo()
    {
        foreach (var numbers in new long[][] { [0, 1, 3], [0, 1, 1, 2, 3], [0, 2, 1, 3] })
        {
            _log[0] = numbers;
            Assert.Contains(Check(), finding => finding.Contains("lost, doubled or out of order", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Check_WhenAnAcknowledgedRecordIsNotThere_SaysSo()
    {
        _log[0] = [0, 1, 2];

        Assert.Equal("partition 0: record 3 was acknowledged at offset 3, and is not there", Assert.Single(Check()));
    }

    [Fact]
    public void Check_WhenAMemberIsGivenWhatIsNotThere_SaysSo()
    {
        _history.Read(_history.Began("g", "a", 0, ++_now), offset: 0, number: 2, ++_now);

        Assert.Contains("was given record 2 at offset 0, where it is not", Assert.Single(Check()), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_WhenAMemberSkipsOrGoesBack_SaysSo()
    {
        Read("a", 0, 2);
        Assert.Contains("was given offset 2 behind 0", Assert.Single(Check()), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_WhenAMemberBeginsBelowWhatWasCommitted_SaysThatItWasReset()
    {
        Read("a", 0, 1, 2);
        Commit("a", 3);
        Read("b", 0, 1, 2, 3);

        Assert.Contains("began at offset 0, though 3 had been committed before", Assert.Single(Check()), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_WhenAMemberBeginsBeyondWhatWasGiven_SaysThatItWasReset()
    {
        Read("a", 0, 1);
        Read("b", 3);

        Assert.Contains("began at offset 3, though the group had been given the records below 2 only", Assert.Single(Check()), StringComparison.Ordinal);
        Assert.False(_history.HasAll("g"));
    }

    [Fact]
    public void Check_WhenACommitGoesBack_SaysSo()
    {
        Commit("a", 3);
        Commit("b", 2);

        Assert.Contains("is behind", Assert.Single(Check()), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_WhenACommitIsForgotten_SaysSo()
    {
        Commit("a", 4);
        _committed[("g", 0)] = 3;

        Assert.Contains("was accepted, and 3 is committed in the end", Assert.Single(Check()), StringComparison.Ordinal);
    }

    [Fact]
    public void Gaps_AreThoseOfOnePartition()
    {
        Read("a", 0, 1);
        _now += 10;
        Read("b", 2, 3);

        var gaps = _history.FindGaps((from, to) => TimeSpan.FromTicks(to - from));
        Assert.Equal(TimeSpan.FromTicks(1), Assert.Single(gaps[KafkaHistory.Producers]).Time);
        Assert.Equal(TimeSpan.FromTicks(12), Assert.Single(gaps["g"]).Time);
    }

    private IReadOnlyList<string> Check() => _history.Check(_log, _committed);

    private void Read(string member, params int[] offsets)
    {
        var turn = _history.Began("g", member, 0, ++_now);
        foreach (var offset in offsets)
            _history.Read(turn, offset, offset, ++_now);
    }

    private void Commit(string member, long offset)
    {
        var began = ++_now;
        _history.Committed(new Commit("g", member, 0, offset, began, ++_now));
    }
}
