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
        var stale = await GrowAsync();
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
        var stale = await GrowAsync();
        var owner = await _rig.TakeOverAsync();

        var error = await _rig.DeleteRecordsAsync(stale, 2);

        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, error?.Code);
        Assert.Equal(0, (await _rig.ReadManifestAsync()).LogStartOffset);
        Assert.Equal(3, (await owner.ReadAllAsync()).Count);
    }

    [Fact]
    public async Task Deletion_OfAnOlderOwnersSegments_NeverTakesEffect()
    {
        var stale = await GrowAsync();
        await _rig.DeleteRecordsAsync(stale, 2);
        var staleStore = _rig.Segments;
        await _rig.TakeOverAsync();
        await _rig.PassAsync(LogLimits.DeletionGrace + TimeSpan.FromSeconds(1));

        await _rig.MaintainAsync(stale);

        Assert.Empty(staleStore.Deleted);
        Assert.Equal(LogEnd.Fenced, await stale.Ended);
    }

    [Fact]
    public async Task Open_WhenItsReplyIsLost_ClaimsTheEpochOnce()
    {
        await _rig.OpenAsync();
        _rig.Connect();
        _rig.Documents.RepliesToLose = 1;

        var log = await _rig.OpenAsync();

        Assert.Equal(2, log.State.Epoch);
        Assert.Null((await log.PutAsync(TestBatch.Of("a"))).Error);
    }

    [Fact]
    public async Task Open_WhenOthersClaimAgainAndAgain_IsFencedAfterItsAttempts()
    {
        await _rig.OpenAsync();
        _rig.Connect();
        var documents = _rig.Documents;
        var others = 0;
        documents.BeforeWrite = async _ =>
        {
            others++;
            await _rig.TakeOverAsync();
        };

        await Assert.ThrowsAsync<LogFencedException>(() => _rig.RunAsync(
            PartitionLog.OpenAsync(LogRig.Name, "loser", _rig.Options, _rig.Segments, documents, _rig.Time).AsTask()));

        Assert.Equal(LogLimits.ClaimAttemptsMax, others);
        Assert.Equal(LogLimits.ClaimAttemptsMax + 1, (await _rig.ReadManifestAsync()).Epoch);
    }

    [Fact]
    public async Task Open_WhenAnotherClaimsBetween_ServesWithAHigherEpoch()
    {
        await _rig.OpenAsync();
        _rig.Connect();
        var (segments, documents) = (_rig.Segments, _rig.Documents);
        PartitionLog? between = null;
        documents.BeforeWrite = async _ =>
        {
            documents.BeforeWrite = null;
            between = await _rig.TakeOverAsync();
        };

        var log = await _rig.RunAsync(
            PartitionLog.OpenAsync(LogRig.Name, "winner", _rig.Options, segments, documents, _rig.Time).AsTask());

        Assert.Equal(3, log.State.Epoch);
        Assert.Null((await log.PutAsync(TestBatch.Of("a"))).Error);
        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, (await _rig.RunAsync(between!.PutAsync(TestBatch.Of("b")))).Error?.Code);
    }

    [Fact]
    public async Task Open_WhenAHigherFenceIsMet_IsFenced()
    {
        await _rig.OpenAsync();
        _rig.Connect();
        PartitionLog? newer = null;
        _rig.Segments.BeforeFence = async () => newer = await _rig.TakeOverAsync();

        await Assert.ThrowsAsync<LogFencedException>(() => _rig.OpenAsync());

        Assert.Equal(3, newer!.State.Epoch);
        Assert.Null((await _rig.RunAsync(newer.PutAsync(TestBatch.Of("a")))).Error); // over the late fence of epoch 2
    }

    [Fact]
    public async Task Open_OfAFirstLogByTwo_LeavesOneOwner()
    {
        var documents = _rig.Documents;
        PartitionLog? other = null;
        documents.BeforeWrite = async _ =>
        {
            documents.BeforeWrite = null;
            other = await _rig.TakeOverAsync();
            await other.PutAsync(TestBatch.Of("a"));
        };

        var log = await _rig.OpenAsync();

        Assert.Equal(2, log.State.Epoch);
        Assert.Equal(["a"], await log.ReadValuesAsync());
        Assert.NotNull((await _rig.RunAsync(other!.PutAsync(TestBatch.Of("b")))).Error);
    }

    [Fact]
    public async Task Open_WhenTheActiveSegmentIsFullOrSealed_RollsAndServes()
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        await _rig.StoredSegments.SealAsync((await _rig.ReadManifestAsync()).Active.Name);

        var next = await _rig.TakeOverAsync();

        Assert.Equal(2, next.State.SegmentCount);
        Assert.Equal(1, (await next.PutAsync(TestBatch.Of("b"))).BaseOffset);
        Assert.Equal(["a", "b"], await next.ReadValuesAsync());
        Assert.NotNull((await _rig.RunAsync(log.PutAsync(TestBatch.Of("zombie")))).Error);
        Assert.Equal(["a", "b"], await (await _rig.TakeOverAsync()).ReadValuesAsync());
    }

    [Fact]
    public async Task Open_WhenItMustRollAndTheStoreIsDown_CanBeGivenUp()
    {
        await _rig.OpenAsync();
        await _rig.StoredSegments.SealAsync((await _rig.ReadManifestAsync()).Active.Name);
        _rig.Connect();
        _rig.Segments.CreateFailure = new StoreUnavailableException("down");
        using var cancel = new CancellationTokenSource();
        var opening = PartitionLog.OpenAsync(
            LogRig.Name, "owner", _rig.Options, _rig.Segments, _rig.Documents, _rig.Time, cancel.Token).AsTask();
        await _rig.PassAsync(TimeSpan.FromSeconds(10));
        Assert.False(opening.IsCompleted);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _rig.RunAsync(opening));
    }

    // Three segments of one record each.
    private async Task<PartitionLog> GrowAsync()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        foreach (var value in (string[])["a", "b", "c"])
            await log.PutAsync(TestBatch.Of(value));

        return log;
    }
}
