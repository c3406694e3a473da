using OrleansStream.Errors;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Storage;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>Two owners at once: nothing the older one does takes effect once the newer one serves.</summary>
public sealed class TakeoverTests
{
    private readonly LogRig _rig = new();

    [Fact]
    public async Task Append_OfAnOlderOwner_NeverTakesEffect()
    {
        var stale = await _rig.OpenAsync();
        await stale.PutAsync(TestBatch.Of("a"));
        var owner = await _rig.TakeOverAsync();

        var result = await _rig.RunAsync(stale.PutAsync(TestBatch.Of("zombie")));

        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, result.Error?.Code);
        Assert.False(result.Error!.OutcomeUnknown);
        await owner.PutAsync(TestBatch.Of("b"));
        Assert.Equal(["a", "b"], await owner.ReadValuesAsync());
        Assert.Equal(["a", "b"], await (await _rig.TakeOverAsync()).ReadValuesAsync());
    }

    [Fact]
    public async Task Fetch_OfAnOlderOwnerBeyondItsEnd_IsNotSaidToBeOutOfRange()
    {
        var stale = await _rig.OpenAsync();
        await stale.PutAsync(TestBatch.Of("a"));
        var owner = await _rig.TakeOverAsync();
        await owner.PutAsync(TestBatch.Of("b"));
        await owner.PutAsync(TestBatch.Of("c"));

        // A reader that got the newer owner's records asks the older one, which proved that it was the owner a moment ago.
        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, (await _rig.RunAsync(stale.GetAsync(3))).Error?.Code);
        Assert.Equal(LogEnd.Fenced, await stale.Ended);
        Assert.Equal(StreamErrorCode.OffsetOutOfRange, (await _rig.RunAsync(owner.GetAsync(4))).Error?.Code);
    }

    [Fact]
    public async Task Append_OfAnOlderOwnerThatArrivesLate_NeverTakesEffect()
    {
        var stale = await _rig.OpenAsync();
        var late = _rig.Segments.Delay();
        var append = stale.PutAsync(TestBatch.Of("zombie"));
        var owner = await _rig.TakeOverAsync();

        Assert.Equal(AppendStatus.Conflict, await late());

        Assert.False((await _rig.RunAsync(append)).Error!.OutcomeUnknown);
        Assert.Equal(0, owner.State.HighWatermark);
        Assert.Equal(0, (await owner.PutAsync(TestBatch.Of("a"))).BaseOffset);
    }

    [Fact]
    public async Task Append_OfAnOlderOwnerAfterTheNewerHasRolled_NeverTakesEffect()
    {
        var stale = await _rig.OpenAsync();
        await stale.PutAsync(TestBatch.Of("a"));
        var late = _rig.Segments.Delay();
        var append = stale.PutAsync(TestBatch.Of("zombie"));
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var owner = await _rig.TakeOverAsync();
        await owner.PutAsync(TestBatch.Of("b"));
        await owner.PutAsync(TestBatch.Of("c"));

        Assert.NotEqual(AppendStatus.Appended, await late());

        Assert.NotNull((await _rig.RunAsync(append)).Error);
        Assert.Equal(LogEnd.Fenced, await stale.Ended);
        Assert.Equal(["a", "b", "c"], await owner.ReadValuesAsync());
    }

    [Fact]
    public async Task Roll_OfAnOlderOwner_NeverTakesEffect()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var stale = await _rig.OpenAsync();
        await stale.PutAsync(TestBatch.Of("a"));
        var owner = await _rig.TakeOverAsync();

        var result = await _rig.RunAsync(stale.PutAsync(TestBatch.Of("zombie")));

        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, result.Error?.Code);
        Assert.Equal(LogEnd.Fenced, await stale.Ended);
        var manifest = await _rig.ReadManifestAsync();
        Assert.Equal(2, manifest.Epoch);
        Assert.Single(manifest.Segments);
        Assert.Equal(["a"], await owner.ReadValuesAsync());
    }

    [Fact]
    public async Task Roll_WhenTakenOverJustBeforeTheManifestIsWritten_NeverTakesEffect()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var stale = await _rig.OpenAsync();
        await stale.PutAsync(TestBatch.Of("a"));
        var documents = _rig.Documents;
        PartitionLog? owner = null;
        documents.BeforeWrite = async name =>
        {
            if (owner is null && name.EndsWith("manifest.json", StringComparison.Ordinal))
            {
                documents.BeforeWrite = null;
                owner = await _rig.TakeOverAsync();
            }
        };

        var result = await _rig.RunAsync(stale.PutAsync(TestBatch.Of("zombie")));

        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, result.Error?.Code);
        Assert.Equal(["a"], await owner!.ReadValuesAsync());
        Assert.Equal(1, (await _rig.RunAsync(owner!.PutAsync(TestBatch.Of("b")))).BaseOffset);
    }

    [Fact]
    public async Task Roll_WhenTakenOverBetweenManifestAndFence_LosesNothing()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var stale = await _rig.OpenAsync();
        await stale.PutAsync(TestBatch.Of("a"));
        PartitionLog? owner = null;
        _rig.Segments.Before(async () => owner = await _rig.TakeOverAsync());

        var result = await _rig.RunAsync(stale.PutAsync(TestBatch.Of("zombie")));

        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, result.Error?.Code);
        Assert.Equal(LogEnd.Fenced, await stale.Ended);
        Assert.Equal(["a"], await owner!.ReadValuesAsync());
        Assert.Equal(1, (await _rig.RunAsync(owner!.PutAsync(TestBatch.Of("b")))).BaseOffset);
    }

    [Fact]
    public async Task Retention_OfAnOlderOwner_NeverTakesEffect()
    {
        var stale = await _rig.GrowAsync(3);
        stale.Configure(_rig.Options with { RetentionBytes = 1 });
        var owner = await _rig.TakeOverAsync();
        var before = await _rig.ReadManifestAsync();

        await _rig.MaintainAsync(stale);

        Assert.Equal(LogEnd.Fenced, await stale.Ended);
        Assert.Equal(before.ToBytes(), (await _rig.ReadManifestAsync()).ToBytes());
        Assert.Equal(0, (await owner.GetAsync(-2)).Offset);
    }

    [Fact]
    public async Task DeleteRecords_OfAnOlderOwner_NeverTakesEffect()
    {
        var stale = await _rig.GrowAsync(3);
        var owner = await _rig.TakeOverAsync();

        var error = await _rig.DeleteRecordsAsync(stale, 2);

        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, error?.Code);
        Assert.Equal(0, (await _rig.ReadManifestAsync()).LogStartOffset);
        Assert.Equal(3, (await owner.ReadAllAsync()).Count);
    }

    [Fact]
    public async Task Deletion_OfAnOlderOwnersSegments_NeverTakesEffect()
    {
        var stale = await _rig.GrowAsync(3);
        await _rig.DeleteRecordsAsync(stale, 2);
        var staleStore = _rig.Segments;
        await _rig.TakeOverAsync();
        await _rig.PassAsync(LogLimits.DeletionGrace + TimeSpan.FromSeconds(1));

        await _rig.MaintainAsync(stale);

        Assert.Empty(staleStore.Deleted);
        Assert.Equal(LogEnd.Fenced, await stale.Ended);
    }
}
