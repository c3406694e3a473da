using System.Diagnostics;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Protocols;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>Taking a partition over after kill -9.</summary>
internal sealed class RecoveryRow : IRow
{
    private const string Topic = "recovery";
    private const int ValueBytes = 1024;
    private const int BatchRecords = 900;

    // Just below segment.bytes, so that all of it is in the active segment.
    private const int SegmentBytes = 128 * 1024 * 1024;

    /// <inheritdoc/>
    public string Name => "recovery";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var folder = new ScratchFolder();
        var load = ProduceLoad.Encoded(SampleRecords.Text(ValueBytes), BatchRecords);
        var batches = (SegmentBytes / load.Body.Length) - 1;
        var opened = new double[context.Rounds];
        var started = new double[context.Rounds];
        using (var service = await Service.StartAsync(folder.Path))
        {
            await service.CreateTopicAsync(Topic);
            Filler.Fill(Sides.Plan(service, Topic, load, 1), batches);
            service.Process.Kill();
        }

        for (var round = 0; round < context.Rounds; round++)
        {
            var began = Stopwatch.GetTimestamp();
            using var service = await Service.StartAsync(folder.Path);
            started[round] = Stopwatch.GetElapsedTime(began).TotalSeconds;
            began = Stopwatch.GetTimestamp();
            var records = await service.CountRecordsAsync(Topic);
            opened[round] = Stopwatch.GetElapsedTime(began).TotalSeconds;
            if (records != (long)batches * BatchRecords)
                throw new UnexpectedAnswerException($"{records} of {batches * BatchRecords} records are there after kill -9.");
            service.Process.Kill();
        }

        return
        [
            Figure.Alone("recovery of a full 128 MiB active segment after kill -9", "s", Statistics.Median(opened), Target.AtMost(1)) with
            {
                Note = $"(the process's own start: {Figure.Show(Statistics.Median(started))} s)",
            },
        ];
    }
}

/// <summary>Memory while a log grows far beyond what is kept of it.</summary>
internal sealed class MemoryRow : IRow
{
    private const string Topic = "memory";

    /// <inheritdoc/>
    public string Name => "memory";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var folder = new ScratchFolder();
        using var service = await Service.StartAsync(folder.Path);
        await service.CreateTopicAsync(Topic, 4, ("retention.bytes", "67108864"), ("segment.bytes", "16777216"));
        var plan = Sides.Plan(service, Topic, ProduceLoad.Json(SampleRecords.Text(1024), isText: true, 100), 16);
        var periods = context.IsQuick ? 8 : 20;
        var megabytes = new double[periods];
        double bytes = 0;
        for (var period = 0; period < periods; period++)
        {
            var result = Load.Run(plan with { WarmUp = TimeSpan.Zero, Duration = TimeSpan.FromSeconds(context.IsQuick ? 4 : 15) });
            megabytes[period] = service.Process.ResidentBytes / 1e6;
            bytes += result.Records * 1024.0;
            Console.WriteLine($"    {bytes / 1e6,8:0} MB stored, {megabytes[period]:0} MB held");
        }

        var early = Statistics.Median(megabytes[(periods / 4)..(periods / 2)]);
        var late = Statistics.Median(megabytes[^(periods / 4)..]);
        return
        [
            new Figure("memory under load, last quarter to second", "MB", late, "the second quarter of the run", early, Target.AtMost(1.1))
            {
                Note = $"({Figure.Show(bytes / 1e9)} GB stored)",
            },
        ];
    }
}
