using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Limits;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>What the disk itself takes for a durable append: below that no figure of a durable path can be.</summary>
internal sealed class DiskRow : IRow
{
    /// <inheritdoc/>
    public string Name => "disk";

    /// <inheritdoc/>
    public Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        var figures = new List<Figure>();
        foreach (var kib in new[] { 4, 64, 1024 })
        {
            var count = kib == 1024 ? 100 : context.IsQuick ? 400 : 2_000;
            var grown = new double[context.Rounds];
            var prepared = new double[context.Rounds];
            for (var round = 0; round < context.Rounds; round++)
            {
                RawDisk.SettleSystem();
                grown[round] = RawDisk.MedianMs(kib * 1024, isPreallocated: false, count);
                prepared[round] = RawDisk.MedianMs(kib * 1024, isPreallocated: true, count);
            }

            figures.Add(new Figure(
                $"the disk alone: pwrite of {kib} KiB + fdatasync, written before", "ms", Statistics.Median(prepared),
                "growing file", Statistics.Median(grown), Target.None));
        }

        return Task.FromResult<IReadOnlyList<Figure>>(figures);
    }
}
