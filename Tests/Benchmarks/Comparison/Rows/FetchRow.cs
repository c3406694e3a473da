using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Limits;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Protocols;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>Reading: the newest records from memory, older ones from segments, as JSON and as they are stored.</summary>
internal sealed class FetchRow : IRow
{
    private const int Connections = 4;
    private const int ValueBytes = 1024;
    private const int BatchRecords = 100;
    private const int ReadRecords = 250;
    private const string Topic = "fetch";

    // Well within what a log keeps of its newest bytes in memory.
    private const int TailRecords = 5_000;

    /// <inheritdoc/>
    public string Name => "fetch";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var folder = new ScratchFolder();
        using var service = await Service.StartAsync(folder.Path);
        using var redis = await RedisServer.StartAsync("everysec");
        var value = SampleRecords.Text(ValueBytes);
        var records = context.IsQuick ? 200_000 : 500_000;
        await service.CreateTopicAsync(Topic);
        Filler.Fill(Sides.Plan(service, Topic, ProduceLoad.Encoded(value, BatchRecords), 1, partition: 0), records / BatchRecords);
        if (redis is not null)
        {
            var request = new RepeatedRequest(RespRequests.Append(Topic, value), BatchRecords);
            Filler.Fill(new LoadPlan(redis.Port, 1, BatchRecords, _ => new RedisAppendExchange(request, ValueBytes)), records);
        }

        long coldEnd = records - (3 * TailRecords);
        List<Side> sides =
        [
            new("tail, JSON", () => Fetch(service, context, isEncoded: false, records - TailRecords, records)),
            new("cold, JSON", () => Fetch(service, context, isEncoded: false, 0, coldEnd)),
            new("tail, encoded", () => Fetch(service, context, isEncoded: true, records - TailRecords, records)),
            new("cold, encoded", () => Fetch(service, context, isEncoded: true, 0, coldEnd)),
            new("loopback copy", () => Copy(context)),
        ];
        if (redis is not null)
            sides.Add(new("Redis XREAD", () => Read(redis, context)));
        var results = await context.AlternateAsync(sides);

        var figures = new List<Figure>();
        foreach (var place in new[] { "tail", "cold" })
        {
            if (results.TryGetValue("Redis XREAD", out var theirs))
            {
                var ours = results[$"{place}, JSON"];
                figures.Add(new Figure(
                    $"fetch, {place}, JSON, {ReadRecords} records of {ValueBytes} B at a time", "rec/s",
                    ours.RecordsPerSecond, "Redis XREAD", theirs.RecordsPerSecond, Target.AtLeast(0.5)).Costing(ours, theirs));
            }

            var encoded = results[$"{place}, encoded"];
            figures.Add(new Figure(
                $"fetch, {place}, encoded batches", "MB/s", encoded.BytesPerSecond / 1e6,
                "loopback copy", results["loopback copy"].BytesPerSecond / 1e6, Target.AtLeast(0.5)).Costing(encoded));
        }

        return figures;
    }

    private static Task<LoadResult> Fetch(Service service, RunContext context, bool isEncoded, long first, long end)
    {
        var query = isEncoded ? "max_bytes=1048576" : $"limit={ReadRecords}&max_bytes=1048576";
        var result = Load.Run(new LoadPlan(
            service.Port, Connections, 1, number => new FetchExchange(
                $"/v1/topics/{Topic}/partitions/0/records", query, isEncoded,
                first + ((end - first) * number / Connections), first, end, ValueBytes))
        {
            Duration = context.Duration,
            Driven = service.Process,
            DrivenAllocated = () => service.AllocatedBytes,
        });
        return Task.FromResult(result);
    }

    private static Task<LoadResult> Read(RedisServer redis, RunContext context) => Task.FromResult(Load.Run(
        new LoadPlan(redis.Port, Connections, 1, _ => new RedisReadExchange(Topic, ReadRecords, ValueBytes))
        {
            Duration = context.Duration,
            Driven = redis.Process,
        }));

    private static Task<LoadResult> Copy(RunContext context)
    {
        var rate = LoopbackCopy.BytesPerSecond(context.Duration);
        return Task.FromResult(new LoadResult(rate / ValueBytes, rate, 0, 0, 0));
    }
}
