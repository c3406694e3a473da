using OrleansStream.Comparison.Limits;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Protocols;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>Durable JSON batches of 100 records beside streams of others.</summary>
internal sealed class JsonBatchesRow : IRow
{
    private const int Connections = 16;
    private const int BatchRecords = 100;

    /// <inheritdoc/>
    public string Name => "json";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var folder = new ScratchFolder();
        using var service = await Service.StartAsync(folder.Path);
        using var redis = await RedisServer.StartAsync("always");
        using var nats = await NatsServer.StartAsync();
        if (redis is null)
            context.Note("Redis is absent: redis-server is not on the PATH.");
        if (nats is null)
            context.Note("NATS is absent: nats-server is not on the PATH.");
        context.Note(ChildProcess.Find("rabbitmq-server") is null
            ? "RabbitMQ is absent: rabbitmq-server is not on the PATH."
            : "RabbitMQ is left out: its stream protocol has no driver here.");

        var figures = new List<Figure>();
        foreach (var size in new[] { 1024, 100 })
        {
            var value = SampleRecords.Text(size);
            var load = ProduceLoad.Json(value, isText: true, BatchRecords);
            List<Side> sides = [new("service, durable", () => Sides.ProduceAsync(service, load, Connections, context.Duration))];
            if (redis is not null)
                sides.Add(new("Redis always", () => Task.FromResult(Sides.Append(redis, value, Sides.RedisConnections, 16, context.Duration))));
            if (nats is not null)
                sides.Add(new("NATS file", () => Task.FromResult(Sides.Publish(nats, value, context.Duration))));
            var results = await context.AlternateAsync(sides);
            var ours = results["service, durable"];
            var path = $"JSON batches of {BatchRecords}, records of {size} B, durable";
            foreach (var peer in results.Keys.Skip(1))
            {
                var target = Target.AtLeast(size == 1024 && peer == "NATS file" ? 4 : 3);
                figures.Add(new Figure(path, "rec/s", ours.RecordsPerSecond, peer, results[peer].RecordsPerSecond, target)
                    .Costing(ours, results[peer]));
            }

            if (sides.Count == 1)
                figures.Add(Figure.Alone(path, "rec/s", ours.RecordsPerSecond, Target.None).Costing(ours));
        }

        return figures;
    }
}

/// <summary>JSON batches beside a Kestrel that only reads their bytes.</summary>
internal sealed class ShareOfKestrelRow : IRow
{
    private const int Connections = 16;
    private const int ValueBytes = 600;
    private const int BatchRecords = 100;

    /// <inheritdoc/>
    public string Name => "kestrel";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var folder = new ScratchFolder();
        using var service = await Service.StartAsync(folder.Path);
        var bare = await BareKestrel.StartAsync();
        using var bareProcess = bare.Process;
        var figures = new List<Figure>();
        foreach (var isText in new[] { true, false })
        {
            var value = isText ? SampleRecords.Text(ValueBytes) : SampleRecords.Nested(ValueBytes);
            var durable = ProduceLoad.Json(value, isText, BatchRecords);
            var ordered = ProduceLoad.Json(value, isText, BatchRecords, acks: "1");
            var results = await context.AlternateAsync(
                new Side("Kestrel, body read", () =>
                    Task.FromResult(Sides.Read(bare, BareKestrel.ReadPath, durable, Connections, context.Duration))),
                new Side("service, acks 1", () => Sides.ProduceAsync(service, ordered, Connections, context.Duration)),
                new Side("service, durable", () => Sides.ProduceAsync(service, durable, Connections, context.Duration)));
            var kind = isText ? "texts" : "nested objects";
            var limit = results["Kestrel, body read"];
            foreach (var (acks, target) in new[] { ("acks 1", isText ? 0.5 : 0.35), ("durable", isText ? 0.3 : 0.28) })
            {
                var ours = results[$"service, {acks}"];
                figures.Add(new Figure(
                    $"JSON batches of {BatchRecords} {kind} of {value.Length} B, {acks}", "rec/s", ours.RecordsPerSecond,
                    "Kestrel, body read", limit.RecordsPerSecond, Target.AtLeast(target)).Costing(ours, limit));
            }

            figures.Add(Figure.Alone(
                $"allocated a record, {kind}, durable", "B", results["service, durable"].AllocatedBytesPerRecord, Target.None));
        }

        return figures;
    }
}

/// <summary>Durable encoded batches: the fast lane.</summary>
internal sealed class EncodedBatchesRow : IRow
{
    private const int Connections = 8;
    private const int ValueBytes = 1024;

    // A record of 1 KiB has some 10 bytes around it.
    private const int EncodedRecordBytes = ValueBytes + 14;

    /// <inheritdoc/>
    public string Name => "encoded";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var folder = new ScratchFolder();
        using var service = await Service.StartAsync(folder.Path);
        using var redis = await RedisServer.StartAsync("everysec");
        var bare = await BareKestrel.StartAsync();
        using var bareProcess = bare.Process;
        var figures = new List<Figure>();
        var value = SampleRecords.Text(ValueBytes);
        foreach (var kib in new[] { 64, 256, 1024 })
        {
            var load = ProduceLoad.Encoded(value, (kib * 1024 - 100) / EncodedRecordBytes);
            List<Side> sides =
            [
                new("Kestrel, read + CRC", () =>
                    Task.FromResult(Sides.Read(bare, BareKestrel.ChecksumPath, load, Connections, context.Duration))),
                new("service, durable", () => Sides.ProduceAsync(service, load, Connections, context.Duration)),
            ];
            if (redis is not null)
            {
                sides.Add(new("Redis everysec", () => Task.FromResult(
                    Sides.Append(redis, value, Sides.RedisConnections, 16, context.Duration))));
            }

            var results = await context.AlternateAsync(sides);
            var ours = results["service, durable"];
            var path = $"encoded batches of {kib} KiB, durable";
            var limit = results["Kestrel, read + CRC"];
            var target = kib switch { 64 => Target.AtLeast(0.45), 1024 => Target.AtLeast(0.75), _ => Target.None };
            figures.Add(new Figure(path, "MB/s", ours.BytesPerSecond / 1e6, "Kestrel, read + CRC", limit.BytesPerSecond / 1e6, target)
                .Costing(ours, limit));
            if (results.TryGetValue("Redis everysec", out var theirs))
            {
                figures.Add(new Figure(path, "MB/s", ours.BytesPerSecond / 1e6, "Redis everysec", theirs.BytesPerSecond / 1e6, Target.AtLeast(4))
                    .Costing(ours, theirs));
            }
        }

        return figures;
    }
}
