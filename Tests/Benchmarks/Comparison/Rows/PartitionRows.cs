using System.Diagnostics;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Protocols;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>What partitions cost that nobody uses, and how many come to life when they are used.</summary>
internal sealed class ManyPartitionsRow : IRow
{
    private const int PartitionsOfTopic = 1_000;
    private const int Topics = 10;

    /// <inheritdoc/>
    public string Name => "partitions";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var folder = new ScratchFolder();
        using var service = await Service.StartAsync(folder.Path);
        var floor = await MeasureIdleAsync(service, context);
        for (var topic = 0; topic < Topics; topic++)
            await service.CreateTopicAsync($"many-{topic}", PartitionsOfTopic);

        Touch(service, 0, 1);
        var percent = await MeasureIdleAsync(service, context);
        var idleBytes = service.Process.ResidentBytes;

        var began = Stopwatch.GetTimestamp();
        Touch(service, 1, Topics);
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        return
        [
            Figure.Alone("no partitions: processor", "% of a core", floor, Target.None),
            Figure.Alone("1,000 idle partitions: processor", "% of a core", percent, Target.AtMost(1)),
            Figure.Alone("1,000 idle partitions: memory", "MB", idleBytes / 1e6, Target.AtMost(200)),
            Figure.Alone($"{(Topics - 1) * PartitionsOfTopic:N0} partitions activated by their first record", "a second",
                (Topics - 1) * PartitionsOfTopic / seconds, Target.None),
            Figure.Alone("10,000 active partitions: memory", "MB", service.Process.ResidentBytes / 1e6, Target.None),
        ];
    }

    // What ran lately is still being compiled for a while: that is not what idle costs.
    private static async Task<double> MeasureIdleAsync(Service service, RunContext context)
    {
        await Task.Delay(TimeSpan.FromSeconds(context.IsQuick ? 8 : 30), TimeProvider.System);
        var before = service.Process.ProcessorTime;
        var began = Stopwatch.GetTimestamp();
        await Task.Delay(TimeSpan.FromSeconds(context.IsQuick ? 12 : 60), TimeProvider.System);
        return 100 * (service.Process.ProcessorTime - before) / Stopwatch.GetElapsedTime(began);
    }

    private static void Touch(Service service, int firstTopic, int endTopic)
    {
        var body = ProduceLoad.Json("1"u8.ToArray(), isText: false, 1).Body;
        var requests = new List<byte[]>();
        for (var topic = firstTopic; topic < endTopic; topic++)
        {
            for (var partition = 0; partition < PartitionsOfTopic; partition++)
                requests.Add(HttpRequests.Post($"/v1/topics/many-{topic}/partitions/{partition}/records", "application/json", body));
        }

        var next = new RequestList(requests);
        Filler.Fill(new LoadPlan(service.Port, 16, 1, _ => new ListedRequestsExchange(next)), requests.Count);
    }
}

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
