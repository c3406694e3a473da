using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.History;

/// <summary>The judge is judged: each kind of violation is planted, and must be found by its name.</summary>
public sealed partial class HistoryJudgeTests
{
    private readonly CallHistory _history = new();

    [Fact]
    public void Judge_WhenTheContentExplainsEverything_FindsNothing()
    {
        Ack(producer: 1, number: 0, offset: 0, started: 0, ended: 10);
        Send(producer: 1, number: 1, started: 11);
        Send(producer: 1, number: 2, started: 12);
        Fail(producer: 1, number: 3, started: 13);
        Ack(producer: 2, number: 0, offset: 1, started: 5, ended: 20);
        Fetch(0, 2, 2, started: 21, ended: 22, Seen(0, 1, 0), Seen(1, 2, 0));
        Describe(2, epoch: 1, started: 30, ended: 31);
        Describe(3, epoch: 1, started: 32, ended: 33);
        Fetch(3, 3, 3, started: 34, ended: 35);

        Assert.Empty(Judge((1, 0), (2, 0), (1, 2)));
        Assert.Equal((2, 2, 1), (
            _history.Count(CallOutcome.Ok), _history.Count(CallOutcome.Unknown), _history.Count(CallOutcome.Failed)));
    }

    [Fact]
    public void Judge_WhenAnAckedRecordIsMissing_SaysLost()
    {
        Ack(producer: 1, number: 0, offset: 0);
        Ack(producer: 1, number: 1, offset: 1, started: 11, ended: 12);

        AssertFinds("lost", Judge((1, 0)));
    }

    [Fact]
    public void Judge_WhenAnAckedRecordWasTakenByRetention_FindsNothing()
    {
        Ack(producer: 1, number: 0, offset: 0);
        Ack(producer: 1, number: 1, offset: 1, started: 11, ended: 12);

        Assert.Empty(HistoryJudge.Judge(_history.Calls, [new PartitionContent(1, [Seen(1, 1, 1)])]));
    }

    [Fact]
    public void Judge_WhenAnAckedRecordIsElsewhere_SaysWhere()
    {
        Ack(producer: 1, number: 0, offset: 1);
        Send(producer: 2, number: 0);

        AssertFinds("was acknowledged at", Judge((1, 0), (2, 0)));
    }

    [Fact]
    public void Judge_WhenAnOffsetIsWronglyZero_SaysSo()
    {
        Ack(producer: 1, number: 0, offset: 0);
        Ack(producer: 2, number: 0, offset: 0, started: 11, ended: 12);
        Describe(0, epoch: 1, started: 13, ended: 14);
        Describe(2, epoch: 1, started: 15, ended: 16);
        Describe(0, epoch: 1, started: 17, ended: 18);

        var findings = Judge((1, 0), (2, 0));
        AssertFinds("was acknowledged at", findings);
        AssertFinds("the high watermark of 0 went back from 2 to 0", findings);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Judge_WhenARecordIsThereTwice_SaysDoubled(bool isAcked)
    {
        if (isAcked)
            Ack(producer: 1, number: 0, offset: 0);
        else
            Send(producer: 1, number: 0);

        AssertFinds("doubled", Judge((1, 0), (1, 0)));
    }

    [Fact]
    public void Judge_WhenARepetitionIsAcknowledgedElsewhere_SaysSo()
    {
        Ack(producer: 1, number: 0, offset: 0);
        Ack(producer: 1, number: 0, offset: 1, started: 11, ended: 12);

        AssertFinds("and at", Judge((1, 0)));
    }

    [Fact]
    public void Judge_WhenAFailedRecordIsRepeatedAndStored_FindsNothing()
    {
        Fail(producer: 1, number: 0);
        Ack(producer: 1, number: 0, offset: 0, started: 11, ended: 12);

        Assert.Empty(Judge((1, 0)));
    }

    [Fact]
    public void Judge_WhenAProducersRecordsChangePlaces_SaysReordered()
    {
        Send(producer: 1, number: 0);
        Send(producer: 1, number: 1);

        AssertFinds("reordered", Judge((1, 1), (1, 0)));
    }

    [Fact]
    public void Judge_WhenAnAckedRecordStandsBehindALaterOne_SaysSo()
    {
        Ack(producer: 1, number: 0, offset: 1, started: 0, ended: 10);
        Ack(producer: 2, number: 0, offset: 0, started: 11, ended: 20);

        AssertFinds("ended before it began", Judge((2, 0), (1, 0)));
    }

    [Fact]
    public void Judge_WhenAFailedRecordIsThere_SaysSo()
    {
        Fail(producer: 1, number: 0);

        AssertFinds("failed for certain", Judge((1, 0)));
    }

    [Fact]
    public void Judge_WhenNobodySentARecord_SaysSo() => AssertFinds("nobody sent", Judge((9, 9)));

    [Fact]
    public void Judge_WhenAStoredRecordHasOtherBytes_SaysSo()
    {
        Send(producer: 1, number: 0);

        AssertFinds("other bytes", HistoryJudge.Judge(_history.Calls, [new PartitionContent(0, [Seen(0, 1, 0) with { Content = 7 }])]));
    }

    [Fact]
    public void Judge_WhenAnOffsetIsSkipped_SaysNotDense()
    {
        Send(producer: 1, number: 0);

        AssertFinds("not dense", HistoryJudge.Judge(_history.Calls, [new PartitionContent(0, [Seen(1, 1, 0)])]));
    }

    [Fact]
    public void Judge_WhenTheLogStartWentBack_SaysSo()
    {
        Describe(5, epoch: 1, started: 1, ended: 2, logStart: 4);
        Describe(5, epoch: 1, started: 3, ended: 4, logStart: 3);

        AssertFinds("the log start of 0 went back", HistoryJudge.Judge(_history.Calls, [new PartitionContent(5, [])]));
    }

    [Fact]
    public void Judge_WhenTheLogStartsBelowWhatWasTold_SaysSo()
    {
        Describe(5, epoch: 1, started: 1, ended: 2, logStart: 4);

        AssertFinds("the log start of 0 was 4", HistoryJudge.Judge(_history.Calls, [new PartitionContent(3, [])]));
    }

    [Fact]
    public void Judge_WhenTheLogEndsBelowASeenHighWatermark_SaysSo()
    {
        Describe(1, epoch: 1, started: 1, ended: 2);

        AssertFinds("the log ends at", Judge());
    }

    [Fact]
    public void Judge_WhenAnEpochHasTwoLeaders_SaysSo()
    {
        Describe(0, epoch: 1, started: 1, ended: 2);
        Describe(0, epoch: 1, started: 3, ended: 4, leader: "another");

        AssertFinds("two leaders", Judge(mayBeStale: true));
    }

    private static SeenRecord Seen(long offset, int producer, long number) => new(offset, new Sending(producer, number), Content: 0);

    private static void AssertFinds(string what, IReadOnlyList<string> findings) =>
        Assert.Contains(findings, finding => finding.Contains(what, StringComparison.Ordinal));

    private ProduceCall Send(int producer, long number, long started = 0) =>
        _history.Add(new ProduceCall("a producer", [new SentRecord(new Sending(producer, number), 0)]) { Started = started });

    private void Ack(int producer, long number, long offset, long started = 0, long ended = 10)
    {
        var call = Send(producer, number, started);
        call.Results[0] = new SentResult(CallOutcome.Ok, new Place(0, offset));
        call.End(CallOutcome.Ok, ended);
    }

    private void Fail(int producer, long number, long started = 0)
    {
        var call = Send(producer, number, started);
        call.Results[0] = new SentResult(CallOutcome.Failed, default);
        call.End(CallOutcome.Failed, started + 1);
    }

    private void Fetch(long offset, long next, long highWatermark, long started, long ended, params SeenRecord[] records) =>
        _history.Add(new FetchCall("a reader", 0, offset)
        {
            Started = started,
            Records = records,
            NextOffset = next,
            HighWatermark = highWatermark,
        }).End(CallOutcome.Ok, ended);

    private void Describe(
        long highWatermark, int epoch, long started, long ended, long logStart = 0, string leader = "a silo") =>
        _history.Add(new DescribeCall("an observer")
        {
            Started = started,
            Partitions = [new PartitionBounds(0, logStart, highWatermark, epoch, leader)],
        }).End(CallOutcome.Ok, ended);

    private IReadOnlyList<string> Judge(params (int Producer, long Number)[] log) => Judge(mayBeStale: false, log);

    private IReadOnlyList<string> Judge(bool mayBeStale, params (int Producer, long Number)[] log) => HistoryJudge.Judge(
        _history.Calls,
        [new PartitionContent(0, [.. log.Select((id, offset) => Seen(offset, id.Producer, id.Number))])],
        mayBeStale);
}
