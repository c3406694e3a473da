using System.Diagnostics;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Limits;
using OrleansStream.Comparison.Reporting;
using OrleansStream.Records;

namespace OrleansStream.Comparison.Rows;

/// <summary>
/// What kind of machine it is. Where waking a thread is dear, a service of several threads loses more than a peer of one, so ratios to peers do not
/// carry from one machine to another; with these figures beside them two machines can be read side by side.
/// </summary>
internal sealed class MachineRow : IRow
{
    private const int ChecksumBytes = 64 << 20;
    private const int SyncBytes = 4 * 1024;

    /// <inheritdoc/>
    public string Name => "machine";

    /// <inheritdoc/>
    public Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        var count = context.IsQuick ? 3_000 : 20_000;
        RawDisk.SettleSystem();
        return Task.FromResult<IReadOnlyList<Figure>>(
        [
            Figure.Alone("the machine: processors", "", Environment.ProcessorCount, Target.None),
            Alone(context, "one processor: CRC-32C of bytes at hand", "GB/s", ChecksumRate),
            Alone(context, "waking a thread by a signal", "\u00b5s", () => Wakeups.SignalUs(count)),
            Alone(context, "waking a thread by a byte over the loopback", "\u00b5s", () => Wakeups.LoopbackUs(count)),
            Alone(context, "a sync: pwrite of 4 KiB + fdatasync, written before", "\u00b5s",
                () => 1_000 * RawDisk.MedianMs(SyncBytes, isPreallocated: true, count / 10)),
            Alone(context, "a fresh page of memory", "\u00b5s", FreshPages.PageUs),
        ]);
    }

    private static Figure Alone(RunContext context, string what, string unit, Func<double> measure)
    {
        measure();
        return Figure.Alone(
            $"the machine: {what}", unit, Statistics.Median(Enumerable.Range(0, context.Rounds).Select(_ => measure())), Target.None);
    }

    private static double ChecksumRate()
    {
        var bytes = new byte[1 << 20];
        var began = Stopwatch.GetTimestamp();
        uint checksum = 0;
        for (var done = 0; done < ChecksumBytes; done += bytes.Length)
            checksum = Crc32C.Append(checksum, bytes);
        return checksum == 1 ? 0 : ChecksumBytes / Stopwatch.GetElapsedTime(began).TotalSeconds / 1e9;
    }
}
