using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Retention;
using OrleansStream.Storage;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>What is due is told from the store alone, and only what an opened log would act on.</summary>
public sealed class MaintenanceCheckTests
{
    private readonly LogRig _rig = new();

    [Fact]
    public async Task IsDue_OfALogThatWasNeverBegun_IsFalse() => Assert.False(await IsDueAsync());

    [Fact]
    public async Task IsDue_OfAnAgedActiveSegment_IsTrueOnlyWhileItHoldsRecords()
    {
        _rig.Options = _rig.Options with { RetentionAge = TimeSpan.FromHours(1) };
        var log = await _rig.OpenAsync();
        await _rig.PassAsync(TimeSpan.FromHours(2));
        Assert.False(await IsDueAsync());

        await log.PutAsync(TestBatch.At(_rig.NowMs, "a"));
        Assert.True(await IsDueAsync());
        await _rig.PassAsync(TimeSpan.FromHours(2));
        await KeepAsync(log);

        Assert.Equal(1, log.State.LogStartOffset);
        Assert.False(await IsDueAsync());
    }

    [Fact]
    public async Task IsUpkeepDue_OfAnIdleLog_IsTrueOnceItsCachesAreOldAndFalseAfterThat()
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        Assert.False(log.IsMaintenanceDue);

        await _rig.PassAsync(LogLimits.CacheIdleMax + TimeSpan.FromSeconds(1));
        Assert.True(log.IsMaintenanceDue);
        await _rig.MaintainAsync(log);

        await _rig.PassAsync(LogLimits.DeletionGrace * 2);
        Assert.False(log.IsMaintenanceDue);
    }

    [Fact]
    public async Task IsUpkeepDue_OfALogWithAnOlderOwner_IsTrueUntilOrphansWereLookedFor()
    {
        await _rig.OpenAsync();
        var log = await _rig.TakeOverAsync();
        Assert.False(log.IsMaintenanceDue);

        await _rig.PassAsync(LogLimits.DeletionGrace);
        Assert.True(log.IsMaintenanceDue);
        await _rig.MaintainAsync(log);
        Assert.False(log.IsMaintenanceDue);
    }

    [Fact]
    public async Task IsDue_OfAnEmptyActiveSegmentOfManyOwners_IsFalse()
    {
        _rig.Options = _rig.Options with { SegmentAge = TimeSpan.FromHours(1) };
        for (var i = 0; i < 20; i++)
            await _rig.TakeOverAsync();
        await _rig.PassAsync(TimeSpan.FromHours(2));

        Assert.False(await IsDueAsync());
    }

    [Fact]
    public async Task IsDue_OfClosedSegments_FollowsTheirRecordsTimes()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1, RetentionAge = TimeSpan.FromHours(1) };
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.At(_rig.NowMs, "a"));
        await log.PutAsync(TestBatch.At(_rig.NowMs, "b"));
        await _rig.PassAsync(TimeSpan.FromMinutes(59));
        Assert.False(await IsDueAsync());

        await _rig.PassAsync(TimeSpan.FromMinutes(2));
        Assert.True(await IsDueAsync());
    }

    [Fact]
    public async Task IsDue_WhenMoreThanRetentionBytesStayWithoutTheOldest_IsTrue()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        for (var i = 0; i < 4; i++)
            await log.PutAsync(TestBatch.Of($"{i}"));
        var length = (await _rig.ReadManifestAsync()).Segments[0].Length;

        _rig.Options = _rig.Options with { RetentionBytes = (2 * length) + 1 };
        Assert.False(await IsDueAsync());
        _rig.Options = _rig.Options with { RetentionBytes = 2 * length };
        Assert.True(await IsDueAsync());
    }

    [Fact]
    public async Task IsDue_WhenBytesAreToBeFreed_IsTrueAfterTheirGrace()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        await log.PutAsync(TestBatch.Of("b"));
        await _rig.DeleteRecordsAsync(log, 1);
        Assert.False(await IsDueAsync());

        await _rig.PassAsync(LogLimits.DeletionGrace);
        Assert.True(await IsDueAsync());
        await _rig.MaintainAsync(log);
        Assert.False(await IsDueAsync());
    }

    [Fact]
    public async Task IsDue_WhenTheManifestIsDamaged_SaysSo()
    {
        await _rig.OpenAsync();
        await _rig.ReplaceDocumentAsync(SegmentName.ManifestOf(LogRig.Name), [1, 2, 3]);

        await Assert.ThrowsAsync<CorruptDocumentException>(IsDueAsync);
    }

    // Closing, letting go and freeing are three rounds.
    private async Task KeepAsync(PartitionLog log)
    {
        await _rig.MaintainAsync(log);
        await _rig.MaintainAsync(log);
        await _rig.PassAsync(LogLimits.DeletionGrace + TimeSpan.FromSeconds(1));
        await _rig.MaintainAsync(log);
    }

    private Task<bool> IsDueAsync() => MaintenanceCheck.IsDueAsync(
        LogRig.Name, _rig.Options, _rig.StoredSegments, _rig.StoredDocuments, _rig.NowMs, TestContext.Current.CancellationToken).AsTask();
}
