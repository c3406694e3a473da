using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Telemetry;

/// <summary>What a collector gets by gRPC, which is what a service speaks that is told an endpoint and no protocol.</summary>
public sealed class OtlpGrpcTests
{
    private readonly string _trace = Guid.NewGuid().ToString("N");

    [Fact]
    public async Task Service_WithAnEndpointAndNoProtocol_SendsTracesMetricsAndLogsByGrpc()
    {
        await using var collector = await OtlpCollector.StartAsync(isGrpc: true);
        await using var api = new ApiFixture(
            TimeProvider.System, configure: null, ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Address),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"), ("OTEL_METRIC_EXPORT_INTERVAL", "100"), ("OTEL_BLRP_SCHEDULE_DELAY", "100"));
        await api.InitializeAsync();
        var topic = await api.CreateTopicAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/topics/{topic}/records") { Content = ApiFixture.Json("""{"records":[{"value":1}]}""") };
        request.Headers.Add("traceparent", $"00-{_trace}-00f067aa0ba902b7-01");
        using var response = await api.SendAsync(request);
        Assert.True(response.IsSuccessStatusCode);

        await Wait.UntilAsync(
            "the trace has come", () => collector.Spans.Any(span => span.TraceId == _trace && span.Name == $"append {topic}"));
        await Wait.UntilAsync("metrics have come", () => collector.Metrics.ContainsKey("orleansstream.commit.size"));
        await Wait.UntilAsync("its log has come", () => !collector.Logs.IsEmpty);
    }
}
