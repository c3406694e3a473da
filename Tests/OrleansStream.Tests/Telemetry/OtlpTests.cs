using System.Diagnostics;
using OrleansStream.Instrumentation;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Telemetry;

/// <summary>What a collector gets from the whole service, by the standard variables alone.</summary>
public sealed class OtlpTests : IAsyncLifetime
{
    private const string Producer = "0af7651916cd43dd8448eb211c80319c";

    private readonly string _trace = Guid.NewGuid().ToString("N");
    private OtlpCollector _collector = null!;
    private ApiFixture _api = null!;

    public async ValueTask InitializeAsync()
    {
        _collector = await OtlpCollector.StartAsync();
        _api = new ApiFixture(
            TimeProvider.System, configure: null, ("OTEL_EXPORTER_OTLP_ENDPOINT", _collector.Address), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"), ("OTEL_METRIC_EXPORT_INTERVAL", "100"), ("OTEL_BLRP_SCHEDULE_DELAY", "100"),
            // So that a call of a grain is a part of the trace.
            ("OrleansStream:Silo:DirectCalls", "false"));
        await _api.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _api.DisposeAsync();
        await _collector.DisposeAsync();
    }

    [Fact]
    public async Task Service_WithAnEndpoint_SendsTracesMetricsAndLogs()
    {
        var topic = await _api.CreateTopicAsync();
        var body = $$"""{"records":[{"value":1,"headers":[{"key":"traceparent","value":"00-{{Producer}}-b7ad6b7169203331-01"}]}]}""";
        await SendAsync(HttpMethod.Post, $"/v1/topics/{topic}/records", body, "01");
        await SendAsync(HttpMethod.Get, $"/v1/topics/{topic}/partitions/0/records?offset=0", body: null, "01");

        await Wait.UntilAsync("the trace has come as far as the store", () => Find("commit") is not null && Find($"append {topic}") is not null
            && _collector.Spans.Count(span => span.TraceId == _trace && span.ParentId == "00f067aa0ba902b7") == 2);
        var append = Find($"append {topic}")!;
        Assert.Equal(("orleansstream", topic, "append", "send"), (
            append.Tags["messaging.system"], append.Tags["messaging.destination.name"], append.Tags["messaging.operation.name"], append.Tags["messaging.operation.type"]));
        Assert.Equal([Producer], append.Links);
        Assert.Contains(_collector.Spans, span => span.TraceId == _trace && span.ParentId == "00f067aa0ba902b7" && span.Links.Contains(Producer));
        // From the store's append up to the request, over grains.
        var way = new List<string>();
        for (var span = Find("commit"); span is not null; span = _collector.Spans.FirstOrDefault(one => one.Id == span.ParentId))
            way.Add(span.Name);
        Assert.True(way.Count >= 5, string.Join(" < ", way) + "; all: " + string.Join(", ", _collector.Spans.Where(span => span.TraceId == _trace)));
        Assert.Contains(way, name => name.Contains("IPartitionGrain", StringComparison.Ordinal));
        Assert.Contains($"append {topic}", way);
        Assert.Contains("{topic}", way[^1], StringComparison.Ordinal);

        await Wait.UntilAsync("metrics of every kind have come", () => _collector.Metrics.ContainsKey("orleansstream.commit.size")
            && _collector.Metrics.ContainsKey("orleansstream.topic.records.in") && _collector.Metrics.ContainsKey("http.server.request.duration")
            && _collector.Metrics.ContainsKey("orleansstream.cluster.silos"));
        await Wait.UntilAsync("its log has come", () => !_collector.Logs.IsEmpty);
        Assert.Equal(["orleansstream-api"], _collector.Services.Keys);
    }

    [Fact]
    public void Span_OfATraceThatIsNotRecorded_IsNotBegun()
    {
        using var request = new Activity("request").SetParentId($"00-{_trace}-00f067aa0ba902b7-00").Start();
        Assert.Null(StreamTelemetry.Recorded);
        Assert.Null(StreamTelemetry.Start("append", "send", "t"));

        request.ActivityTraceFlags = ActivityTraceFlags.Recorded;
        Assert.Same(request, StreamTelemetry.Recorded);
    }

    private OtlpSpan? Find(string name) => _collector.Spans.FirstOrDefault(span => span.TraceId == _trace && span.Name == name);

    private async Task SendAsync(HttpMethod method, string path, string? body, string flags)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Add("traceparent", $"00-{_trace}-00f067aa0ba902b7-{flags}");
        if (body is not null)
            request.Content = ApiFixture.Json(body);
        using var response = await _api.SendAsync(request);
        Assert.Equal(200, (int)response.StatusCode);
    }
}
