using OrleansStream.Errors;
using OrleansStream.Log;
using OrleansStream.Storage;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>Records, or all of a log, are deleted by their owner.</summary>
public sealed class DeleteRecordsTests
{
    private readonly LogRig _rig = new();

    [Fact]
    public async Task DeleteRecords_ToTheEnd_LeavesAnEmptyLogThatGoesOn()
    {
        var log = await _rig.GrowAsync(3);

        Assert.Null(await _rig.DeleteRecordsAsync(log, -1));

        Assert.Equal((3, 3), (log.State.LogStartOffset, log.State.HighWatermark));
        Assert.Empty(await log.ReadAllAsync());
        Assert.Equal(3, (await log.PutAsync(TestBatch.Of("x"))).BaseOffset);
        Assert.Equal(["x"], await (await _rig.TakeOverAsync()).ReadValuesAsync());
    }

    [Fact]
    public async Task DeleteRecords_BelowTheLogStartOrAgain_ChangesNothing()
    {
        var log = await _rig.GrowAsync(3);
        await _rig.DeleteRecordsAsync(log, 2);
        var before = (await _rig.ReadManifestAsync()).Revision;

        Assert.Null(await _rig.DeleteRecordsAsync(log, 2));
        Assert.Null(await _rig.DeleteRecordsAsync(log, 0));

        Assert.Equal(2, log.State.LogStartOffset);
        Assert.Equal(before, (await _rig.ReadManifestAsync()).Revision);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(-2)]
    public async Task DeleteRecords_OutsideTheLog_IsOutOfRange(long before)
    {
        var log = await _rig.GrowAsync(3);

        Assert.Equal(StreamErrorCode.OffsetOutOfRange, (await _rig.DeleteRecordsAsync(log, before))?.Code);
        Assert.Equal(0, log.State.LogStartOffset);
    }

    [Fact]
    public async Task DeleteRecords_WhenTheReplyIsLost_IsDoneOnceAndTheLogStays()
    {
        var log = await _rig.GrowAsync(3);
        _rig.Documents.RepliesToLose = 1;

        Assert.Null(await _rig.DeleteRecordsAsync(log, 1));

        Assert.Equal(1, (await _rig.ReadManifestAsync()).LogStartOffset);
        Assert.Null((await log.PutAsync(TestBatch.Of("x"))).Error);
    }

    [Fact]
    public async Task DeleteRecords_WhenGivenUpWhileItsOutcomeIsOpen_DoesNotFenceItsOwnLog()
    {
        var log = await _rig.GrowAsync(3);
        using var cancel = new CancellationTokenSource();
        _rig.Documents.RepliesToLose = 1;
        var deletion = log.DeleteRecordsAsync(1, cancel.Token).AsTask();
        await cancel.CancelAsync();
        await _rig.PassUntilAsync(() => deletion.IsCompleted);

        Assert.Null(await _rig.DeleteRecordsAsync(log, 2));

        Assert.False(log.Ended.IsCompleted);
        Assert.Equal(2, (await _rig.ReadManifestAsync()).LogStartOffset);
        Assert.Equal(["2"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task DeleteRecords_WhenTheLogEndsMeanwhile_Ends()
    {
        var log = await _rig.GrowAsync(3);
        _rig.Documents.WriteFailure = new StoreUnavailableException("down");
        var deletion = log.DeleteRecordsAsync(1, TestContext.Current.CancellationToken).AsTask();
        await _rig.PassAsync(TimeSpan.FromSeconds(3));
        Assert.False(deletion.IsCompleted);

        await _rig.CloseAsync(log);

        var error = await _rig.RunAsync(deletion);
        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, error?.Code);
        Assert.True(error!.OutcomeUnknown);
    }

    [Fact]
    public async Task Delete_OfALog_FreesEverythingOfItAndNothingElse()
    {
        await _rig.GrowAsync(3);
        await _rig.StoredSegments.CreateAsync("topic/1/x.log", TestContext.Current.CancellationToken);

        await PartitionLog.DeleteAsync(
            LogRig.Name, _rig.StoredSegments, _rig.StoredDocuments, TestContext.Current.CancellationToken);
        await PartitionLog.DeleteAsync(
            LogRig.Name, _rig.StoredSegments, _rig.StoredDocuments, TestContext.Current.CancellationToken);

        Assert.Empty(await _rig.ListSegmentsAsync());
        Assert.Empty(await _rig.StoredDocuments.ListAsync("", TestContext.Current.CancellationToken)
            .ToListAsync(TestContext.Current.CancellationToken));
        Assert.NotNull(await _rig.StoredSegments.GetExtentAsync("topic/1/x.log", TestContext.Current.CancellationToken));
    }
}
