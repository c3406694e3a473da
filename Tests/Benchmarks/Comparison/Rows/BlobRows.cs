using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Protocols;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>The requests that a stored byte costs on a blob store.</summary>
internal sealed class BlobWritesRow : IRow
{
    /// <inheritdoc/>
    public string Name => "blobs";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var azurite = await Azurite.StartAsync();
        if (azurite is null)
        {
            context.Note("Azurite is absent: it comes with the packages of the tests, and needs Node.js.");
            return [];
        }

        using var service = await Service.StartAsync(Repository.Api, [.. azurite.Environment, .. NodePorts.Environment()]);
        var load = ProduceLoad.Json(SampleRecords.Text(1024), isText: true, 100);
        await service.CreateTopicAsync("busy");
        var (busy, busyAppends) = Run(Sides.Plan(service, "busy", load, 32), azurite, context);
        await service.CreateTopicAsync("spaced", 1, ("flush.interval.ms", "250"));
        var spacedPlan = Sides.Plan(service, "spaced", load, 4);
        // A partition that is opened appends a fence, and its first group waits for nothing: neither is a busy partition's.
        Load.Run(spacedPlan with { WarmUp = TimeSpan.Zero, Duration = TimeSpan.FromSeconds(1) });
        var (spaced, spacedAppends) = Run(spacedPlan, azurite, context);
        var seconds = spaced.Records / spaced.RecordsPerSecond;
        return
        [
            Figure.Alone("blob appends per stored MiB, saturated", "per MiB", busyAppends / (busy.Records * 1024.0 / (1 << 20)), Target.AtMost(4)) with
            {
                Note = $"({Figure.Show(busy.RecordsPerSecond)} rec/s through Azurite)",
            },
            Figure.Alone("blob appends a second of a busy partition, flush.interval.ms=250", "a second", spacedAppends / seconds, Target.AtMost(4.1)),
        ];
    }

    private static (LoadResult Result, long Appends) Run(LoadPlan plan, Azurite azurite, RunContext context)
    {
        var before = azurite.AppendCount;
        var result = Load.Run(plan with { WarmUp = TimeSpan.Zero, Duration = 2 * context.Duration });
        return (result, azurite.AppendCount - before);
    }
}

/// <summary>The Api as the client of a silo in another process, beside the Api with a silo of its own.</summary>
internal sealed class TwoProcessesRow : IRow
{
    /// <inheritdoc/>
    public string Name => "two-processes";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var azurite = await Azurite.StartAsync();
        if (azurite is null)
        {
            context.Note("Azurite is absent: it comes with the packages of the tests, and needs Node.js.");
            return [];
        }

        var batches = ProduceLoad.Json(SampleRecords.Text(1024), isText: true, 100, acks: "1");
        var encoded = ProduceLoad.Encoded(SampleRecords.Text(1024), 500);
        Dictionary<string, LoadResult> one;
        using (var embedded = await Service.StartAsync(Repository.Api, [.. azurite.Environment, .. NodePorts.Environment()]))
            one = await MeasureAsync(context, embedded, "one process", batches, encoded);
        // A container of its own is a cluster of its own: the killed silo is no member of it.
        (string, string)[] storage = [.. azurite.Environment, ("OrleansStream__Storage__AzureBlobs__Container", "two-processes")];
        using var silo = await Service.StartAsync(Repository.Silo, [.. storage, .. NodePorts.Environment()]);
        using var client = await Service.StartAsync(Repository.Api, [.. storage, ("OrleansStream__Silo__Embedded", "false")]);
        var two = await MeasureAsync(context, client, "two processes", batches, encoded);
        return
        [
            new Figure("two processes, JSON batches of 100, acks 1", "rec/s", two["two processes, JSON"].RecordsPerSecond,
                "one process", one["one process, JSON"].RecordsPerSecond, Target.None) { Note = "(on Azurite)" },
            new Figure("two processes, encoded batches, durable", "MB/s", two["two processes, encoded"].BytesPerSecond / 1e6,
                "one process", one["one process, encoded"].BytesPerSecond / 1e6, Target.AtLeast(0.9)) { Note = "(on Azurite)" },
        ];
    }

    private static Task<Dictionary<string, LoadResult>> MeasureAsync(
        RunContext context, Service service, string name, ProduceLoad batches, ProduceLoad encoded) => context.AlternateAsync(
        new Side($"{name}, JSON", () => Sides.ProduceAsync(service, batches, 4, context.Duration / 2)),
        new Side($"{name}, encoded", () => Sides.ProduceAsync(service, encoded, 4, context.Duration / 2)));
}

/// <summary>Ports of a silo's own.</summary>
internal static class NodePorts
{
    /// <summary>What a silo of a cluster on this machine is started with.</summary>
    public static IEnumerable<(string Key, string Value)> Environment() =>
    [
        ("OrleansStream__Silo__AdvertisedAddress", "127.0.0.1"),
        ("OrleansStream__Silo__ListenAddress", "127.0.0.1"),
        ("OrleansStream__Silo__SiloPort", $"{ChildProcess.FreePort()}"),
        ("OrleansStream__Silo__GatewayPort", $"{ChildProcess.FreePort()}"),
    ];
}
