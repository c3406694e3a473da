using System.Text;
using OrleansStream.Topics.HotKeys;

namespace OrleansStream.Tests.Topics.HotKeys;

/// <summary>The promises of Space-Saving, for streams of every skew; a failure names its seed.</summary>
public sealed class SpaceSavingTests
{
    private const int Capacity = 16;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 50)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Heaviest_OfAnyStream_KeepsItsErrorBound(int seed)
    {
        var random = new Random(seed);
        var (counts, sketch) = (new Dictionary<string, double>(), new SpaceSaving(Capacity));
        var skew = 0.3 + (2 * random.NextDouble());
        var keyCount = random.Next(5, 500);
        for (var i = 0; i < 5_000; i++)
        {
            var key = $"k{(int)(keyCount * Math.Pow(random.NextDouble(), 1 + (skew * 3)))}";
            var weight = random.Next(1, 4);
            counts[key] = counts.GetValueOrDefault(key) + weight;
            sketch.Add(Encoding.UTF8.GetBytes(key), weight);
        }

        AssertHolds(counts, sketch, counts.Values.Sum());
        sketch.Scale(0.25);
        AssertHolds(counts.ToDictionary(pair => pair.Key, pair => pair.Value / 4), sketch, counts.Values.Sum() / 4);
    }

    [Fact]
    public void Heaviest_WhenKeysFitTheCounters_IsExact()
    {
        var sketch = new SpaceSaving(Capacity);
        for (var i = 0; i < 100; i++)
            sketch.Add([(byte)(i % 10 == 0 ? 1 : 2)]);
        sketch.AddOthers(100);

        Assert.Equal(200, sketch.Total);
        Assert.Equal([(2, 90d, 0d), (1, 10d, 0d)], sketch.Heaviest.Select(key => ((int)key.Key[0], key.Weight, key.Error)));
    }

    [Fact]
    public void Add_OfEverNewKeys_AllocatesNothing()
    {
        var sketch = new SpaceSaving(Capacity);
        Span<byte> key = stackalloc byte[8];
        long before = 0;
        for (var i = 0; i < 20_000; i++)
        {
            if (i == 10_000)
                before = GC.GetAllocatedBytesForCurrentThread();
            BitConverter.TryWriteBytes(key, (long)i);
            sketch.Add(key[..(4 + (i % 5))]);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000);
    }

    private static void AssertHolds(Dictionary<string, double> counts, SpaceSaving sketch, double total)
    {
        const double Rounding = 1e-6;
        var found = sketch.Heaviest.ToDictionary(key => Encoding.UTF8.GetString(key.Key));
        Assert.InRange(found.Count, 1, Capacity);
        Assert.Equal(total, sketch.Total, 6);
        foreach (var (key, weight) in found)
        {
            Assert.InRange(counts[key], weight.WeightMin - Rounding, weight.Weight + Rounding);
            Assert.InRange(weight.Error, 0, (total / Capacity) + Rounding);
        }

        foreach (var (key, count) in counts.Where(pair => pair.Value > total / Capacity))
            Assert.True(found.ContainsKey(key), $"{key} has {count} of {total} and is not found.");
    }
}
