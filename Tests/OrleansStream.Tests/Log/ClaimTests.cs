using OrleansStream.Errors;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Storage;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>A log is claimed by raising its epoch: once, whatever is lost, and by one owner.</summary>
public sealed class ClaimTests
{
    private readonly LogRig _rig = new();

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
}
