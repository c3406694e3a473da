using CsCheck;
using OrleansStream.Records;
using OrleansStream.Storage;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>A store that answers with an old state: an owner that opens the log reads its own fence back before it believes the end.</summary>
public sealed class StaleReadTests
{
    private readonly LogRig _rig = new();

    [Fact]
    public Task Open_WhenTheStoreAnswersWithOldStatesForAWhile_LosesNothing() =>
        Gen.Select(Gen.Int[0, 4], Gen.Int[1, 6], Gen.Bool).SampleAsync(
            OpenOverOldStatesAsync,
            iter: 100, threads: 1);

    [Fact]
    public async Task Open_WhenTheStoreGoesOnAnsweringWithAnOldState_GivesUpAndCutsNothing()
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        await log.PutAsync(TestBatch.Of("b"));
        _rig.Connect();
        _rig.Segments.StaleLength = () => FenceBatch.LengthBytes;

        await Assert.ThrowsAsync<StoreUnavailableException>(() => _rig.OpenAsync());

        Assert.Equal(["a", "b"], await (await _rig.TakeOverAsync()).ReadValuesAsync());
    }

    [Fact]
    public async Task Open_OfASealedSegmentWhenTheStoreAnswersWithAnOldStateOnce_LosesNothing()
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        await log.PutAsync(TestBatch.Of("b"));
        await _rig.StoredSegments.SealAsync((await _rig.ReadManifestAsync()).Segments[^1].Name);
        _rig.Connect();
        var reads = 0;
        _rig.Segments.StaleLength = () => reads++ < 2 ? FenceBatch.LengthBytes : null;

        var owner = await _rig.OpenAsync();

        Assert.Equal(["a", "b"], await owner.ReadValuesAsync());
    }

    private static async Task OpenOverOldStatesAsync(int behind, int staleReads, bool alsoBeforeTheFence)
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var segment = (await rig.ReadManifestAsync()).Segments[^1].Name;
        var ends = new List<long> { FenceBatch.LengthBytes };
        foreach (var value in new[] { "a", "b", "c", "d" })
        {
            await log.PutAsync(TestBatch.Of(value));
            ends.Add((await rig.StoredSegments.GetExtentAsync(segment))!.Value.Length);
        }

        rig.Connect();
        var reads = alsoBeforeTheFence ? 0 : -1;
        rig.Segments.StaleLength = () => reads++ is var read && read >= 0 && read < staleReads ? ends[^(behind + 1)] : null;

        var owner = await rig.OpenAsync();

        Assert.Equal(["a", "b", "c", "d"], await owner.ReadValuesAsync());
        Assert.Equal(4, (await rig.RunAsync(owner.PutAsync(TestBatch.Of("e")))).BaseOffset);
    }
}
