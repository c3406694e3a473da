using CsCheck;
using OrleansStream.Errors;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>
/// An older owner that does not know of the newer one: it refuses nothing by the records that it lacks. A producer or a reader would take such an
/// answer as final, though the newer owner answers otherwise.
/// </summary>
public sealed class StaleJudgementTests
{
    private const long Producer = 7;

    private readonly LogRig _rig = new();

    [Fact]
    public async Task Append_InSequenceBehindRecordsThatAnOlderOwnerLacks_IsNotSaidToBeOutOfOrder()
    {
        var (stale, owner) = await TakeOverAsync();

        var result = await _rig.RunAsync(stale.PutAsync(TestBatch.By(Producer, 2)));

        AssertMoved(result);
        Assert.Equal(LogEnd.Fenced, await stale.Ended);
        Assert.Equal(2, (await owner.PutAsync(TestBatch.By(Producer, 2))).BaseOffset);
        Assert.Equal(StreamErrorCode.OutOfOrderSequenceNumber, (await _rig.RunAsync(owner.PutAsync(TestBatch.By(Producer, 9)))).Error?.Code);
    }

    [Fact]
    public async Task Append_AtTheOffsetBehindRecordsThatAnOlderOwnerLacks_IsNotSaidToMissItsCondition()
    {
        var (stale, owner) = await TakeOverAsync();

        AssertMoved(await _rig.RunAsync(stale.PutAsync(TestBatch.Of("c"), expectedNextOffset: 2)));
        Assert.Equal(2, (await owner.PutAsync(TestBatch.Of("c"), expectedNextOffset: 2)).BaseOffset);
        Assert.Equal(StreamErrorCode.OffsetConditionFailed, (await _rig.RunAsync(owner.PutAsync(TestBatch.Of("d"), expectedNextOffset: 2))).Error?.Code);
    }

    [Fact]
    public async Task Append_RefusedBesideOthersThatAreNotStored_IsAnsweredLikeThem()
    {
        var stale = await _rig.OpenAsync();
        await stale.PutAsync(TestBatch.By(Producer, 0));
        var held = _rig.Segments.Hold();
        var first = stale.PutAsync(TestBatch.Of("a"));
        // These three are one group: the refused one stands before, between and behind those that have places.
        Task<LogAppendResult>[] refused = [stale.PutAsync(TestBatch.By(Producer, 2)), stale.PutAsync(TestBatch.By(Producer, 3))];
        var placed = stale.PutAsync(TestBatch.Of("b"));
        var last = stale.PutAsync(TestBatch.By(Producer, 4));
        held.Release();
        Assert.Null((await _rig.RunAsync(first)).Error);
        foreach (var answer in (Task<LogAppendResult>[])[.. refused, last])
            Assert.Equal(StreamErrorCode.OutOfOrderSequenceNumber, (await _rig.RunAsync(answer)).Error?.Code);
        Assert.Null((await _rig.RunAsync(placed)).Error);

        held = _rig.Segments.Hold();
        _rig.Segments.Before(() => _rig.TakeOverAsync());
        first = stale.PutAsync(TestBatch.Of("c"));
        refused = [stale.PutAsync(TestBatch.By(Producer, 2)), stale.PutAsync(TestBatch.By(Producer, 3))];
        placed = stale.PutAsync(TestBatch.Of("d"));
        held.Release();

        Assert.Null((await _rig.RunAsync(first)).Error);
        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, (await _rig.RunAsync(placed)).Error?.Code);
        foreach (var answer in refused)
            AssertMoved(await _rig.RunAsync(answer));
    }

    [Fact]
    public async Task Append_RefusedWhileTheStoreDoesNotTellTheOwner_IsToldToTryAgain()
    {
        var log = await _rig.OpenAsync();
        _rig.Documents.ReadsToFail = 1;

        AssertMoved(await _rig.RunAsync(log.PutAsync(TestBatch.Of("a"), expectedNextOffset: 5)));

        Assert.Equal(
            StreamErrorCode.OffsetConditionFailed, (await _rig.RunAsync(log.PutAsync(TestBatch.Of("a"), expectedNextOffset: 5))).Error?.Code);
        Assert.Equal(0, (await _rig.RunAsync(log.PutAsync(TestBatch.Of("b")))).BaseOffset);
    }

    [Fact]
    public async Task Append_RefusedWhileTheStoreHangs_HoldsUpTheOthersForAMoment()
    {
        var log = await _rig.OpenAsync();
        _rig.Documents.HangsUntilCanceled = true;
        var refused = log.PutAsync(TestBatch.Of("a"), expectedNextOffset: 5);
        var other = log.PutAsync(TestBatch.Of("b"));
        _rig.Time.Advance(LogLimits.RefusalProofMax - TimeSpan.FromMilliseconds(1));
        Assert.False(refused.IsCompleted);
        Assert.False(other.IsCompleted);

        _rig.Time.Advance(TimeSpan.FromMilliseconds(1));

        AssertMoved(await refused);
        Assert.Equal(0, (await other).BaseOffset);
    }

    [Fact]
    public async Task Append_RefusedWhileTheLogEnds_IsAnsweredByTheEnd()
    {
        var log = await _rig.OpenAsync();
        _rig.Documents.HangsUntilCanceled = true;
        var refused = log.PutAsync(TestBatch.Of("a"), expectedNextOffset: 5);

        await _rig.CloseAsync(log);

        AssertMoved(await refused);
    }

    [Fact]
    public async Task Append_ThatACrashHasCutShort_IsOfUnknownOutcomeAlsoWhenItsGroupIsFenced()
    {
        var stale = await _rig.OpenAsync();
        await stale.PutAsync(TestBatch.By(Producer, 0));
        await stale.PutAsync(TestBatch.Of("other"));
        var held = _rig.Segments.Hold();
        _rig.Segments.Before(() => _rig.TakeOverAsync());
        var first = stale.PutAsync(TestBatch.Of("a"));
        var cutShort = stale.PutAsync(TestBatch.Join(TestBatch.By(Producer, 0), TestBatch.By(Producer, 1)));
        var placed = stale.PutAsync(TestBatch.Of("b"));
        held.Release();
        Assert.Null((await _rig.RunAsync(first)).Error);

        AssertMoved(await _rig.RunAsync(placed));
        var refused = (await _rig.RunAsync(cutShort)).Error;
        Assert.Equal((StreamErrorCode.NotLeaderOrFollower, true), (refused!.Code, refused.OutcomeUnknown));
    }

    [Fact]
    public async Task FindEpochEnd_OfANewerOwner_IsNotSaidToBeUnknown()
    {
        var (stale, owner) = await TakeOverAsync();

        Assert.Equal(
            StreamErrorCode.NotLeaderOrFollower, (await _rig.RunAsync(stale.FindEpochEndAsync(owner.Epoch).AsTask())).Error?.Code);
        Assert.Equal(LogEnd.Fenced, await stale.Ended);
    }

    [Fact]
    public async Task FindEpochEnd_OfAnUnknownEpochWhileTheStoreDoesNotTellTheOwner_IsAnErrorOfTheStore()
    {
        var log = await _rig.OpenAsync();
        _rig.Documents.ReadsToFail = int.MaxValue;

        Assert.Equal(
            StreamErrorCode.KafkaStorageError, (await _rig.RunAsync(log.FindEpochEndAsync(log.Epoch + 1).AsTask())).Error?.Code);
    }

    [Fact]
    public async Task DeleteRecords_UpToARecordThatAnOlderOwnerLacks_IsNotSaidToBeOutOfRange()
    {
        var (stale, owner) = await TakeOverAsync();

        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, (await _rig.DeleteRecordsAsync(stale, 2))?.Code);
        Assert.Equal(StreamErrorCode.OffsetOutOfRange, (await _rig.DeleteRecordsAsync(owner, 3))?.Code);
        Assert.Null(await _rig.DeleteRecordsAsync(owner, 2));
    }

    [Fact]
    public async Task DeleteRecords_OfAllByAnOlderOwnerWithoutRecords_IsNotSaidToBeDone()
    {
        var stale = await _rig.OpenAsync();
        await (await _rig.TakeOverAsync()).PutAsync(TestBatch.Of("a"));

        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, (await _rig.DeleteRecordsAsync(stale, LogOffsets.Latest))?.Code);
    }

    [Fact]
    public async Task DeleteRecords_WhileTheStoreDoesNotTellTheOwner_IsAnErrorOfTheStore()
    {
        var log = await _rig.OpenAsync();
        _rig.Documents.ReadsToFail = int.MaxValue;

        Assert.Equal(StreamErrorCode.KafkaStorageError, (await _rig.DeleteRecordsAsync(log, 7))?.Code);
    }

    [Fact]
    public async Task FindLatestTime_OfAnOlderOwner_IsNotTold()
    {
        var (stale, _) = await TakeOverAsync();
        _rig.Time.Advance(LogLimits.OwnershipProofAge);

        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, (await _rig.RunAsync(stale.FindAsync(LogOffsets.MaxTimestamp))).Error?.Code);
    }

    [Fact]
    public Task Append_OfOneProducerInOrderToWhicheverOwner_IsStoredOrRefusedAsMoved() =>
        Gen.Select(Gen.Int[0, 3], Gen.Bool).Array[1, 40].SampleAsync(SendToOwnersAsync, iter: 200, threads: 1);

    // Of each step the number tells how many owners back the one is that is sent to; a third of the steps takes the log over first.
    private static async Task SendToOwnersAsync((int Back, bool IsConditional)[] steps)
    {
        var rig = new LogRig();
        var owners = new List<PartitionLog> { await rig.OpenAsync() };
        var (sequence, end) = (0, 0L);
        foreach (var (back, isConditional) in steps)
        {
            if (back == 3)
                owners.Add(await rig.TakeOverAsync());
            var log = owners[Math.Max(0, owners.Count - 1 - back % 3)];
            var result = await rig.RunAsync(isConditional
                ? log.PutAsync(TestBatch.Of("x"), expectedNextOffset: end)
                : log.PutAsync(TestBatch.By(Producer, sequence)));
            if (result.Error is not null)
            {
                AssertMoved(result);
                Assert.NotSame(owners[^1], log);
                continue;
            }

            Assert.Equal(end++, result.BaseOffset);
            sequence += isConditional ? 0 : 1;
        }
    }

    // The older owner has one record of the producer, the newer one two.
    private async Task<(PartitionLog Stale, PartitionLog Owner)> TakeOverAsync()
    {
        var stale = await _rig.OpenAsync();
        await stale.PutAsync(TestBatch.By(Producer, 0));
        var owner = await _rig.TakeOverAsync();
        await owner.PutAsync(TestBatch.By(Producer, 1));
        return (stale, owner);
    }

    private static void AssertMoved(LogAppendResult result)
    {
        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, result.Error?.Code);
        Assert.False(result.Error!.OutcomeUnknown);
    }
}
