using OrleansStream.Errors;
using OrleansStream.Storage;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>Batches that are sent again.</summary>
public sealed partial class AppendTests
{
    [Fact]
    public async Task Append_WhenDuplicateOfTheOpenGroup_WaitsForItAndAnswersItsOffset()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var held = rig.Segments.Hold();
        _ = log.PutAsync(TestBatch.Of("x"));
        var first = log.PutAsync(TestBatch.By(7, 0));
        var repeated = log.PutAsync(TestBatch.By(7, 0));
        var second = rig.Segments.Hold();
        held.Release();

        Assert.False(first.IsCompleted);
        Assert.False(repeated.IsCompleted);
        second.Release();

        Assert.Equal(1, (await first).BaseOffset);
        Assert.False((await first).Duplicate);
        Assert.Equal(1, (await repeated).BaseOffset);
        Assert.True((await repeated).Duplicate);
        Assert.Equal(["x", "7/0/0"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenDuplicateOfAGroupThatFails_FailsWithIt()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var held = rig.Segments.Hold();
        _ = log.PutAsync(TestBatch.Of("x"));
        var first = log.PutAsync(TestBatch.By(7, 0));
        var repeated = log.PutAsync(TestBatch.By(7, 0));
        rig.Segments.Answer(AppendStatus.StoreFull);
        held.Release();

        Assert.Equal(StreamErrorCode.KafkaStorageError, (await first).Error?.Code);
        Assert.Equal(StreamErrorCode.KafkaStorageError, (await repeated).Error?.Code);
        Assert.Equal(["x"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenOnlyTheFirstBatchOfARequestIsStored_StoresTheOthers()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        await log.PutAsync(TestBatch.By(7, 0));

        var result = await log.PutAsync(TestBatch.Join(TestBatch.By(7, 0), TestBatch.By(7, 1), TestBatch.By(7, 2)));

        Assert.Null(result.Error);
        Assert.Equal(0, result.BaseOffset);
        Assert.Equal(["7/0/0", "7/0/1", "7/0/2"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenOthersFollowTheOneStoredBatchOfARequest_IsNotTakenForADuplicate()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        await log.PutAsync(TestBatch.By(7, 0));
        await log.PutAsync(TestBatch.Of("x"));

        var result = await log.PutAsync(TestBatch.Join(TestBatch.By(7, 0), TestBatch.By(7, 1)));

        Assert.Equal(StreamErrorCode.OutOfOrderSequenceNumber, result.Error?.Code);
        Assert.Equal(["7/0/0", "x"], await log.ReadValuesAsync());
    }
}
