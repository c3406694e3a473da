using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>What traces cost: single durable records while one request in a hundred is traced and sent by OTLP, and while none is.</summary>
internal sealed class TracesRow : IRow
{
    /// <inheritdoc/>
    public string Name => "traces";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        await using var sink = await OtlpSink.StartAsync();
        var traced = new Variant("traced", async folder => (await Service.StartAsync(
            Repository.Api,
            [
                ("OrleansStream__Storage__Files__Directory", folder),
                ("OTEL_TRACES_EXPORTER", "otlp"), ("OTEL_METRICS_EXPORTER", "none"), ("OTEL_LOGS_EXPORTER", "none"),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("OTEL_EXPORTER_OTLP_ENDPOINT", sink.Address),
                ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.01"),
            ]), ""));
        var figure = await ProcessPairs.CompareAsync(context, "with 1 % traces", traced, Variant.Plain("no telemetry"), Target.AtMost(1.03));
        if (sink.ReceivedBytes == 0)
            throw new InvalidOperationException("No trace was sent.");
        return [figure with { Note = $"{figure.Note}; {sink.ReceivedBytes / 1e6:0.0} MB of spans came" }];
    }
}
