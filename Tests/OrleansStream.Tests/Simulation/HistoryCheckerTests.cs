using OrleansStream.Errors;
using OrleansStream.Log.Contract;

namespace OrleansStream.Tests.Simulation;

/// <summary>A checker that finds nothing proves nothing: each anomaly it is there for is planted once.</summary>
public sealed class HistoryCheckerTests
{
    private static readonly LogError Failed = new(StreamErrorCode.NotLeaderOrFollower, "It moved.");
    private readonly SimulationFindings _findings = new();
    private readonly HistoryChecker _checker;
    private readonly OwnerHistory _owner;

    public HistoryCheckerTests()
    {
        _checker = new HistoryChecker(_findings);
        _owner = _checker.Opened("first", new LogState(0, 0, 0, 1, 1));
        for (long payload = 0; payload < 4; payload++)
            _checker.Made(payload, 1, payload);
    }

    [Fact]
    public void Finish_WhenAllIsAsItShouldBe_FindsNothing()
    {
        Ack(0, 0);
        _checker.Sent(1);
        _checker.Lost(1);
        _checker.Fetched(_owner, 0, Fetch(0, 2, Batch(0, 0), Batch(1, 1)), default);
        _checker.Finish([Batch(0, 0), Batch(1, 1)], 0, 2);

        Assert.Null(_findings.First);
    }

    [Fact]
    public void Finish_WhenAnAckedPayloadIsLost_Finds()
    {
        Ack(0, 0);
        Ack(1, 1);
        Finds("ack", [Batch(0, 0)]);
    }

    [Fact]
    public void Finish_WhenAnAckedPayloadMoved_Finds()
    {
        Ack(0, 1);
        Maybe(1);
        Finds("ack", [Batch(0, 0), Batch(1, 1)]);
    }

    [Fact]
    public void Finish_WhenAPayloadIsThereTwice_Finds()
    {
        Ack(0, 0);
        Finds("sequences", [Batch(0, 0), Batch(1, 0)]);
    }

    [Fact]
    public void Finish_WhenAFailedPayloadIsThere_Finds()
    {
        _checker.Sent(0);
        _checker.Answered(0, _owner, LogAcks.Durable, new LogAppendResult(Failed, -1, -1, 0), -1);
        Finds("classification", [Batch(0, 0)]);
    }

    [Fact]
    public void Finish_WhenAnUnknownPayloadIsThere_FindsNothing()
    {
        _checker.Sent(0);
        _checker.Answered(
            0, _owner, LogAcks.Durable, new LogAppendResult(Failed with { OutcomeUnknown = true }, -1, -1, 0), -1);
        _checker.Finish([Batch(0, 0)], 0, 1);

        Assert.Null(_findings.First);
    }

    [Fact]
    public void Finish_WhenAPayloadIsNobodys_Finds() => Finds("ack", [Batch(0, 77)]);

    [Fact]
    public void Finish_WhenOffsetsHaveAGap_Finds()
    {
        Maybe(0, 1);
        Finds("contiguity", [Batch(0, 0), Batch(2, 1)], 3);
    }

    [Fact]
    public void Finish_WhenTheLogEndsBelowItsWatermark_Finds()
    {
        Maybe(0);
        Finds("contiguity", [Batch(0, 0)], 2);
    }

    [Fact]
    public void Finish_WhenALeaderEpochGoesBack_Finds()
    {
        Maybe(0, 1);
        Finds("fence", [Batch(0, 0) with { LeaderEpoch = 2 }, Batch(1, 1)]);
    }

    [Fact]
    public void Finish_WhenAReadPayloadIsGone_Finds()
    {
        Maybe(0, 1);
        _checker.Fetched(_owner, 0, Fetch(0, 1, Batch(0, 0)), default);
        Finds("watermark", [Batch(0, 1)]);
    }

    [Fact]
    public void Finish_WhenARequestIsStoredInPart_Finds()
    {
        _checker.Made(10, 1, 10);
        _checker.Made(11, 1, 10);
        Maybe(0, 1, 10, 11);
        Finds("one payload", [Batch(0, 0), Batch(1, 1), Batch(2, 10)]);
    }

    [Theory]
    [InlineData(1, 0, 1)]
    [InlineData(0, 0, 2)]
    [InlineData(0, 1, 0)]
    public void Finish_WhenSequencesDoNotFollow_Finds(int epochOfFirst, int first, int second)
    {
        Maybe(0, 1);
        Finds("sequences", [
            Batch(0, 0) with { ProducerId = 5, ProducerEpoch = (short)epochOfFirst, BaseSequence = first },
            Batch(1, 1) with { ProducerId = 5, ProducerEpoch = 0, BaseSequence = second },
        ]);
    }

    [Fact]
    public void Finish_WhenASearchMissedTheFirst_Finds()
    {
        Maybe(0, 1);
        _checker.Found(1_000, new LogFindResult(null, 1, 2_000), default);
        Finds("contiguity", [Batch(0, 0) with { Timestamp = 1_500 }, Batch(1, 1) with { Timestamp = 2_000 }]);
    }

    [Fact]
    public void Finish_WhenDeletedRecordsAreBack_Finds()
    {
        Maybe(0, 1);
        _checker.DeleteAsked(1);
        _checker.DeleteDone(_owner, 1);
        Finds("log start", [Batch(0, 0), Batch(1, 1)]);
    }

    [Fact]
    public void Opened_WhenItLacksWhatWasAcked_Finds()
    {
        Ack(0, 0);
        _checker.Opened("second", new LogState(0, 0, 0, 2, 1));

        AssertFound("watermark");
    }

    [Fact]
    public void Answered_WhenAnOldOwnerAcksAfterTheTakeover_Finds()
    {
        _checker.Opened("second", new LogState(0, 0, 0, 2, 1));
        Ack(0, 0);

        AssertFound("watermark");
    }

    [Fact]
    public void Opened_WhenTwoServeInOneEpoch_Finds()
    {
        _checker.Opened("second", new LogState(0, 0, 0, 1, 1));

        AssertFound("manifest");
    }

    [Fact]
    public void Opened_WhenRecordsWereDeletedThatNobodyAskedFor_Finds()
    {
        _checker.Opened("second", new LogState(1, 1, 0, 2, 1));

        AssertFound("log start");
    }

    [Fact]
    public void Answered_WhenOnePayloadIsAckedAtTwoOffsets_Finds()
    {
        Ack(0, 0);
        Ack(0, 1);

        AssertFound("ack");
    }

    [Fact]
    public void Fetched_WhenTheWatermarkGoesBack_Finds()
    {
        _checker.Fetched(_owner, 0, Fetch(0, 0), (0, 1));

        AssertFound("watermark");
    }

    [Fact]
    public void Fetched_WhenSomethingLiesAboveTheWatermark_Finds()
    {
        _checker.Fetched(_owner, 0, Fetch(0, 1, Batch(0, 0), Batch(1, 1)), default);

        AssertFound("watermark");
    }

    [Fact]
    public void Fetched_WhenItIsEmptyBelowTheWatermark_Finds()
    {
        _checker.Fetched(_owner, 0, Fetch(0, 1), default);

        AssertFound("watermark");
    }

    [Fact]
    public void Fetched_WhenOffsetsAreSkipped_Finds()
    {
        _checker.Fetched(_owner, 0, Fetch(0, 3, Batch(1, 1)), default);

        AssertFound("contiguity");
    }

    [Fact]
    public void Fetched_WhenAFenceIsReturned_Finds()
    {
        _checker.Fetched(_owner, 0, Fetch(0, 0, Batch(0, -1) with { Count = 0 }), default);

        AssertFound("fence");
    }

    [Fact]
    public void Fetched_WhenAnOffsetHoldsAnotherPayloadThanBefore_Finds()
    {
        _checker.Fetched(_owner, 0, Fetch(0, 1, Batch(0, 0)), default);
        _checker.Fetched(_owner, 0, Fetch(0, 1, Batch(0, 1)), default);

        AssertFound("ack");
    }

    [Fact]
    public void Fetched_WhenBytesAreNoBatches_Finds()
    {
        _checker.Fetched(_owner, 0, new LogFetchResult(null, 0, new byte[100], 1, 0), default);

        AssertFound("contiguity");
    }

    [Fact]
    public void Fetched_WhenAReadableOffsetIsRefused_Finds()
    {
        var refusal = new LogError(StreamErrorCode.OffsetOutOfRange, "It lies outside.");
        _checker.Fetched(_owner, 1, new LogFetchResult(refusal, 1, default, 3, 0), (0, 3));

        AssertFound("log start");
    }

    private static SimulatedBatch Batch(long offset, long payload) => new(offset, 77, 1, 1, 0, -1, -1, -1, payload);

    private static LogFetchResult Fetch(long offset, long highWatermark, params SimulatedBatch[] batches)
    {
        byte[] bytes = [];
        foreach (var batch in batches)
        {
            var one = SimulatedBatch.Encode(batch.Payload, batch.Count, batch.Timestamp);
            System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(one, batch.BaseOffset);
            bytes = [.. bytes, .. one];
        }

        return new LogFetchResult(null, offset, bytes, highWatermark, 0);
    }

    private void Ack(long payload, long offset)
    {
        _checker.Sent(payload);
        _checker.Answered(payload, _owner, LogAcks.Durable, new LogAppendResult(null, offset, -1, 0), offset);
    }

    private void Maybe(params long[] payloads)
    {
        foreach (var payload in payloads)
        {
            _checker.Sent(payload);
            _checker.Lost(payload);
        }
    }

    private void Finds(string check, SimulatedBatch[] log, long? highWatermark = null)
    {
        _checker.Finish(log, 0, highWatermark ?? log[^1].NextOffset);
        AssertFound(check);
    }

    private void AssertFound(string check) => Assert.Equal(check, _findings.First?.Check);
}
