using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Randomness;
using OrleansStream.Storage.Memory;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>A run of a log can be repeated to the names of its segments.</summary>
public sealed class SegmentIdTests
{
    [Fact]
    public async Task Segments_OfTwoRunsWithOneSeed_HaveTheSameNames()
    {
        var (first, second, other) = (await RunAsync(seed: 1), await RunAsync(seed: 1), await RunAsync(seed: 2));

        Assert.Equal(first, second);
        Assert.True(first.Length > 1, "No segment was rolled.");
        Assert.Empty(first.Intersect(other));
    }

    private static async Task<string[]> RunAsync(int seed)
    {
        var segments = new MemorySegmentStore();
        var resources = new LogResources(TimeProvider.System, random: new SeededRandomSource(seed));
        await using var log = await PartitionLog.OpenAsync(
            "t/0", "owner", new LogOptions { SegmentBytes = 1 }, segments, new MemoryDocumentStore(), TimeProvider.System, resources);
        for (var i = 0; i < 3; i++)
            Assert.Null((await log.AppendAsync(Batches.Of((null, $"{i}")), LogAcks.Durable)).Error);
        return [.. await segments.ListAsync("t/0/").Select(segment => segment.Name).Order(StringComparer.Ordinal).ToArrayAsync()];
    }
}
