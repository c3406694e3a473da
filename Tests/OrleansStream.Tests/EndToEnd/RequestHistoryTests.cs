namespace OrleansStream.Tests.EndToEnd;

/// <summary>The judge is judged: each kind of violation is planted, and must be found by its name.</summary>
public sealed class RequestHistoryTests
{
    private readonly RequestHistory _history = new();

    [Fact]
    public void Check_WhenTheLogExplainsEverything_FindsNothing()
    {
        Ack(producer: 1, number: 0, offset: 0, started: 0, ended: 10);
        Send(producer: 1, number: 1, started: 11);
        Send(producer: 1, number: 2, started: 12);
        Fail(producer: 1, number: 3, started: 13);
        Ack(producer: 2, number: 0, offset: 1, started: 5, ended: 20);
        _history.Seen(new Place(0, 1), new Sending(2, 0));
        _history.WatermarkSeen(0, 2);
        _history.WatermarkSeen(0, 3);

        Assert.Empty(Check((1, 0), (2, 0), (1, 2)));
        Assert.Equal((2, 2, 1), (
            _history.Count(SendingOutcome.Acked), _history.Count(SendingOutcome.Unknown), _history.Count(SendingOutcome.Failed)));
    }

    [Fact]
    public void Check_WhenAnAckedRecordIsMissing_SaysLost()
    {
        Ack(producer: 1, number: 0, offset: 0);
        Ack(producer: 1, number: 1, offset: 1, started: 11, ended: 12);

        AssertFinds("lost", Check((1, 0)));
    }

    [Fact]
    public void Check_WhenAnAckedRecordIsElsewhere_SaysWhere()
    {
        Ack(producer: 1, number: 0, offset: 1);
        Send(producer: 2, number: 0);

        AssertFinds("was acknowledged at", Check((1, 0), (2, 0)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Check_WhenARecordIsThereTwice_SaysDoubled(bool isAcked)
    {
        if (isAcked)
            Ack(producer: 1, number: 0, offset: 0);
        else
            Send(producer: 1, number: 0);

        AssertFinds("doubled", Check((1, 0), (1, 0)));
    }

    [Fact]
    public void Check_WhenAProducersRecordsChangePlaces_SaysReordered()
    {
        Send(producer: 1, number: 0);
        Send(producer: 1, number: 1);

        AssertFinds("reordered", Check((1, 1), (1, 0)));
    }

    [Fact]
    public void Check_WhenAnAckedRecordStandsBehindALaterOne_SaysSo()
    {
        Ack(producer: 1, number: 0, offset: 1, started: 0, ended: 10);
        Ack(producer: 2, number: 0, offset: 0, started: 11, ended: 20);

        AssertFinds("ended before it began", Check((2, 0), (1, 0)));
    }

    [Fact]
    public void Check_WhenAFailedRecordIsThere_SaysSo()
    {
        Fail(producer: 1, number: 0);

        AssertFinds("failed for certain", Check((1, 0)));
    }

    [Fact]
    public void Check_WhenNobodySentARecord_SaysSo() => AssertFinds("nobody sent", Check((9, 9)));

    [Fact]
    public void Check_WhenAReadRecordIsGone_SaysSo()
    {
        Send(producer: 1, number: 0);
        _history.Seen(new Place(0, 0), new Sending(1, 0));

        AssertFinds("was read at", Check());
    }

    [Fact]
    public void Check_WhenAnOffsetShowedTwoRecords_SaysSo()
    {
        Send(producer: 1, number: 0);
        Send(producer: 2, number: 0);
        _history.Seen(new Place(0, 0), new Sending(1, 0));
        _history.Seen(new Place(0, 0), new Sending(2, 0));

        AssertFinds("then", Check((1, 0), (2, 0)));
    }

    [Fact]
    public void Check_WhenTheHighWatermarkWentBack_SaysSo()
    {
        _history.WatermarkSeen(0, 2);
        _history.WatermarkSeen(0, 1);

        AssertFinds("went back", Check());
    }

    [Fact]
    public void Check_WhenTheLogEndsBelowASeenHighWatermark_SaysSo()
    {
        _history.WatermarkSeen(0, 1);

        AssertFinds("are left", Check());
    }

    [Fact]
    public void Check_WhenAnOffsetIsSkipped_SaysNotDense()
    {
        Send(producer: 1, number: 0);

        AssertFinds("not dense", _history.Check([[(1, new Sending(1, 0))]]));
    }

    private static void AssertFinds(string what, IReadOnlyList<string> findings) =>
        Assert.Contains(findings, finding => finding.Contains(what, StringComparison.Ordinal));

    private void Send(int producer, long number, long started = 0) => _history.Sent(new Sending(producer, number), number, started);

    private void Ack(int producer, long number, long offset, long started = 0, long ended = 10)
    {
        Send(producer, number, started);
        _history.Answered(new Sending(producer, number), SendingOutcome.Acked, new Place(0, offset), ended);
    }

    private void Fail(int producer, long number, long started = 0)
    {
        Send(producer, number, started);
        _history.Answered(new Sending(producer, number), SendingOutcome.Failed, default, started + 1);
    }

    private IReadOnlyList<string> Check(params (int Producer, long Number)[] log) =>
        _history.Check([[.. log.Select((id, offset) => ((long)offset, new Sending(id.Producer, id.Number)))]]);
}
