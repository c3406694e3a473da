using OrleansStream.Cli.Performance;
using OrleansStream.Cli.Tail;
using OrleansStream.Cli.Terminal;
using OrleansStream.Cli.Texts;

namespace OrleansStream.Tests.CommandLine;

/// <summary>Percentiles, bars and sizes.</summary>
public sealed class MeasuresTests
{
    [Fact]
    public void Latencies_TellPercentilesWithinTheirClass()
    {
        var latencies = new Latencies();
        for (var i = 1; i <= 1_000; i++)
            latencies.Add(i / 1_000.0);

        foreach (var part in new[] { 0.001, 0.5, 0.9, 0.99, 1 })
            Assert.InRange(latencies.Percentile(part), part, part * 1.023);
        Assert.Equal(1, latencies.Max);
        Assert.Equal(1, latencies.Percentile(1));
        Assert.Equal(1_000, latencies.Histogram().Sum(bar => bar.Count));
        Assert.All(latencies.Histogram().Zip(latencies.Histogram().Skip(1)), pair => Assert.Equal(2, pair.Second.UpTo / pair.First.UpTo, 6));
    }

    [Fact]
    public void Latencies_OfNothingAndOfExtremes_AreNoFault()
    {
        var latencies = new Latencies();
        Assert.Equal(0, latencies.Percentile(0.5));
        Assert.Empty(latencies.Histogram());
        latencies.Add(-1);
        latencies.Add(0);
        latencies.Add(1_000_000);
        Assert.Equal(3, latencies.Count);
        Assert.Equal(1_000_000, latencies.Max);
    }

    [Fact]
    public void RatePlot_ShowsTheLastSecondsAtTheRight()
    {
        var plot = new RatePlot(4);
        foreach (var rate in new long[] { 99, 0, 1, 8, 16 })
            plot.Add(rate);
        var torn = new RatePlot(4);
        foreach (var rate in new long?[] { 0, null, 8 })
            torn.Add(rate);

        Assert.Equal(16, plot.Max);
        Assert.Equal(["   █", " ▁██"], plot.Rows(2));
        Assert.Equal(["   █", "  ?█"], torn.Rows(2)); // what nobody knows is no 0
        Assert.Equal(["    "], new RatePlot(4).Rows(1));
    }

    /// <summary>
    /// A key of a record may have anything: wide characters keep the columns straight, and nothing reaches the terminal's controls.
    /// </summary>
    [Fact]
    public void Columns_AreStraightWhateverIsInThem()
    {
        var columns = new Columns("KEY", "N");
        columns.Add("日本", 1);
        columns.Add("a\e[31m", 2);
        columns.Add(null, 3);

        Assert.Equal(["KEY        N", "日本       1", @"a\x1B[31m  2", "-          3"], columns.Lines(heading => heading));
    }

    [Theory]
    [InlineData(0.0, "0 B")]
    [InlineData(1023.0, "1023 B")]
    [InlineData(1536.0, "1.5 KiB")]
    [InlineData(1073741824.0, "1.0 GiB")]
    public void Sizes_AreReadByPeople(double bytes, string text) => Assert.Equal(text, Sizes.Bytes(bytes));
}
