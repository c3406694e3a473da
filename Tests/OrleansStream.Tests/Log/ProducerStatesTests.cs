using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Producers;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>The rules of KIP-98.</summary>
public sealed class ProducerStatesTests
{
    private readonly ProducerStates _states = new();
    private long _offset;

    [Fact]
    public void Check_OfUnknownProducer_TakesAnySequence() => Assert.Equal(StreamErrorCode.None, Check(TestBatch.By(1, 500)).Error);

    [Fact]
    public void Check_AfterTheLastSequence_WrapsToZero()
    {
        Apply(TestBatch.By(1, int.MaxValue - 1, count: 2));

        Assert.Equal(StreamErrorCode.None, Check(TestBatch.By(1, 0)).Error);
        Assert.Equal(StreamErrorCode.OutOfOrderSequenceNumber, Check(TestBatch.By(1, 1)).Error);
    }

    [Fact]
    public void Check_OfABatchThatWraps_GoesOnBehindIt()
    {
        Apply(TestBatch.By(1, int.MaxValue, count: 3)); // MaxValue, 0, 1

        Assert.Equal(StreamErrorCode.None, Check(TestBatch.By(1, 2)).Error);
        Assert.Equal(0, Check(TestBatch.By(1, int.MaxValue, count: 3)).DuplicateOffset);
    }

    [Fact]
    public void Check_OfANewEpoch_MustStartAtZero()
    {
        Apply(TestBatch.By(1, 0, count: 5));

        Assert.Equal(StreamErrorCode.OutOfOrderSequenceNumber, Check(TestBatch.By(1, 5, epoch: 1)).Error);
        Assert.Equal(StreamErrorCode.None, Check(TestBatch.By(1, 0, epoch: 1)).Error);
    }

    [Fact]
    public void Check_OfALowerEpoch_IsFenced()
    {
        Apply(TestBatch.By(1, 0, epoch: 2));

        var verdict = Check(TestBatch.By(1, 1, epoch: 1));

        Assert.Equal(StreamErrorCode.InvalidProducerEpoch, verdict.Error);
        Assert.Equal(2, verdict.Expected);
    }

    [Fact]
    public void Check_OfTheLastRuns_AnswersTheirOffsetsAndOlderOnesAreDuplicatesWithout()
    {
        for (var i = 0; i <= LogLimits.ProducerRunsMax; i++)
        {
            Apply(TestBatch.By(1, i));
            Apply(TestBatch.By(2, i)); // another's between them: each is a run
        }

        for (var i = 1; i <= LogLimits.ProducerRunsMax; i++)
            Assert.Equal(2 * i, Check(TestBatch.By(1, i)).DuplicateOffset);

        Assert.Equal(StreamErrorCode.DuplicateSequenceNumber, Check(TestBatch.By(1, 0)).Error);
        Assert.Equal(StreamErrorCode.OutOfOrderSequenceNumber, Check(TestBatch.By(1, LogLimits.ProducerRunsMax + 2)).Error);
    }

    [Fact]
    public void Check_OfAnyBatchOfALongRun_AnswersItsOffset()
    {
        for (var i = 0; i < 1_000; i++)
            Apply(TestBatch.By(1, i * 3, count: 3));

        for (var i = 0; i < 1_000; i++)
            Assert.Equal(i * 3, Check(TestBatch.By(1, i * 3, count: 3)).DuplicateOffset);

        Assert.Equal(ProducerVerdict.Next, Check(TestBatch.By(1, 3_000)));
        Assert.Equal(1, ProducerStates.TryParse(_states.ToBytes())!.Count);
        Assert.True(_states.ToBytes().Length < 200);
    }

    [Fact]
    public void Check_OfARunThatWraps_FindsWhatIsInItAndNothingElse()
    {
        Apply(TestBatch.By(1, int.MaxValue - 1, count: 2));
        Apply(TestBatch.By(1, 0, count: 2));

        Assert.Equal(0, Check(TestBatch.By(1, int.MaxValue - 1, count: 2)).DuplicateOffset);
        Assert.Equal(2, Check(TestBatch.By(1, 0, count: 2)).DuplicateOffset);
        Assert.Equal(StreamErrorCode.DuplicateSequenceNumber, Check(TestBatch.By(1, int.MaxValue - 2)).Error);
        Assert.Equal(ProducerVerdict.Next, Check(TestBatch.By(1, 2)));
    }

    [Fact]
    public void Check_OfABatchThatIsStoredInPart_IsNoDuplicate()
    {
        Apply(TestBatch.By(1, 0, count: 3));

        Assert.Equal(1, Check(TestBatch.By(1, 1, count: 2)).DuplicateOffset);
        Assert.Equal(StreamErrorCode.OutOfOrderSequenceNumber, Check(TestBatch.By(1, 1, count: 3)).Error);
    }

    [Fact]
    public void Check_AfterABatchThatWasAwaited_TakesOnlyThat()
    {
        RecordBatchHeader.TryRead(TestBatch.By(1, 4), out var failed);
        _states.Await(failed, 0);

        Assert.Equal(StreamErrorCode.OutOfOrderSequenceNumber, Check(TestBatch.By(1, 5)).Error);
        Assert.Equal(StreamErrorCode.OutOfOrderSequenceNumber, Check(TestBatch.By(1, 0)).Error);
        Assert.Equal(StreamErrorCode.None, Check(TestBatch.By(1, 4)).Error);
        Assert.Equal(StreamErrorCode.None, Check(TestBatch.By(1, 0, epoch: 1)).Error);
        Assert.Equal(0, ProducerStates.TryParse(_states.ToBytes())!.Count);
    }

    [Fact]
    public void Expire_AfterADayIdle_ForgetsAndNotBefore()
    {
        Apply(TestBatch.By(1, 0));
        var day = (long)LogLimits.ProducerIdleMax.TotalMilliseconds;

        _states.Expire(day);
        Assert.Equal(1, _states.Count);
        _states.Expire(day + 1);

        Assert.Equal(0, _states.Count);
        Assert.Equal(StreamErrorCode.None, Check(TestBatch.By(1, 77)).Error);
    }

    [Fact]
    public void Expire_OverTheBound_ForgetsTheLongestIdle()
    {
        for (var i = 0; i < LogLimits.ProducersMax + 3; i++)
        {
            RecordBatchHeader.TryRead(TestBatch.By(i, 0), out var header);
            _states.Apply(header, i, nowMs: i == 1 ? 1_000_000 : i);
        }

        _states.Expire(0);

        Assert.Equal(LogLimits.ProducersMax, _states.Count);
        Assert.Equal(-1, Check(TestBatch.By(0, 0)).DuplicateOffset);
        Assert.Equal(1, Check(TestBatch.By(1, 0)).DuplicateOffset);
        Assert.Equal(-1, Check(TestBatch.By(3, 0)).DuplicateOffset);
        Assert.Equal(4, Check(TestBatch.By(4, 0)).DuplicateOffset);
    }

    [Fact]
    public void TryParse_OfWhatWasStored_KnowsTheSame()
    {
        Apply(TestBatch.By(1, int.MaxValue, count: 3, epoch: 4));
        Apply(TestBatch.By(2, 9));

        var read = ProducerStates.TryParse(_states.ToBytes())!;

        Assert.Equal(_states.ToBytes(), read.ToBytes());
        RecordBatchHeader.TryRead(TestBatch.By(1, 2, epoch: 4), out var next);
        Assert.Equal(ProducerVerdict.Next, read.Check(next));
    }

    [Fact]
    public void TryParse_OfAnyFlippedByteOrCut_IsNullNeverEmpty()
    {
        Apply(TestBatch.By(1, 0));
        var bytes = _states.ToBytes();
        for (var i = 0; i < bytes.Length; i++)
        {
            var damaged = bytes.ToArray();
            damaged[i] ^= 0x01;
            Assert.True(i == 8 || ProducerStates.TryParse(damaged) is null, $"Byte {i}");
            Assert.Null(ProducerStates.TryParse(bytes.AsSpan(0, i)));
        }
    }

    [Fact]
    public async Task Append_AfterADayIdle_TakesAnySequenceAndMemoryIsBounded()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        await log.PutAsync(TestBatch.By(1, 0));
        Assert.NotNull((await log.PutAsync(TestBatch.By(1, 50))).Error);
        rig.Time.Advance(LogLimits.ProducerIdleMax + TimeSpan.FromMilliseconds(1));
        await rig.MaintainAsync(log);

        Assert.Null((await log.PutAsync(TestBatch.By(1, 50))).Error);
    }

    private ProducerVerdict Check(byte[] batch)
    {
        RecordBatchHeader.TryRead(batch, out var header);
        return _states.Check(header);
    }

    private void Apply(byte[] batch)
    {
        RecordBatchHeader.TryRead(batch, out var header);
        _states.Apply(header, _offset, nowMs: 0);
        _offset += header.RecordCount;
    }
}
