using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Telemetry;

/// <summary>
/// What a collector and Prometheus get of a cluster of processes: metrics from each of them, and traces that go through two of them.
/// </summary>
[Collection(EndToEndCollection.Name)]
public sealed class TelemetryClusterTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private const int SiloCount = 3;
    private const int PartitionCount = 6;
    private const string Topic = "observed";
    private const string Api = "orleansstream-api";
    private const string Silo = "orleansstream-silo";

    [Fact]
    public async Task Cluster_WithACollector_SendsMetricsOfEachProcessAndTracesFromTheApiNodeToTheStore()
    {
        OnDemand.Require(OnDemand.ClusterTests);
        await using var collector = await OtlpCollector.StartAsync();
        await using var cluster = await ClusterProcesses.StartWithAsync(
            azurite.ConnectionString, "telemetry", SiloCount, apis: 1, ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Address),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("OTEL_BSP_SCHEDULE_DELAY", "200"), ("OTEL_METRIC_EXPORT_INTERVAL", "500"));
        using var client = new ServiceClient(cluster.Apis[0]);
        await client.CreateTopicAsync(Topic, PartitionCount);
        Assert.Equal(SiloCount, (await cluster.FindLeadersAsync(Topic)).Distinct().Count());
        var traces = new List<string>();
        for (var partition = 0; partition < PartitionCount; partition++)
            traces.Add(await AppendAsync(client, partition));

        await Wait.UntilAsync("each trace has come as far as the store", () => traces.TrueForAll(trace => Find(collector, trace, "commit") is not null
            && Find(collector, trace, $"append {Topic}") is not null));
        foreach (var trace in traces)
        {
            var way = new List<OtlpSpan>();
            await Wait.UntilAsync("all of its spans have come", () =>
            {
                way.Clear();
                for (var span = Find(collector, trace, "commit"); span is not null; span = collector.Spans.FirstOrDefault(one => one.Id == span.ParentId))
                    way.Add(span);
                return way[^1].ParentId == "00f067aa0ba902b7";
            });
            // The silo's part is below, the Api node's above, and each is in one piece.
            Assert.Equal([Silo, Api], way.Select(span => span.Service).Aggregate(new List<string>(), (all, one) =>
            {
                if (all.LastOrDefault() != one)
                    all.Add(one);
                return all;
            }));
            Assert.Contains(way, span => span.Name == $"append {Topic}" && span.Service == Api);
        }

        await Wait.UntilAsync("each silo has sent of its commits, and the Api node of its requests", () =>
            Processes(collector, Silo, "orleansstream.commit.size") == SiloCount && Processes(collector, Api, "http.server.request.duration") == 1);
        Assert.Equal([Api, Silo], collector.Services.Keys.Order(StringComparer.Ordinal));
        await RequireScrapesAsync(client, cluster);
        TestContext.Current.TestOutputHelper!.WriteLine($"{collector.Spans.Count} spans; {collector.Senders.Count} metrics of {collector.Senders.Keys.Select(one => one.Instance).Distinct().Count()} processes");
    }

    private static OtlpSpan? Find(OtlpCollector collector, string trace, string name) =>
        collector.Spans.FirstOrDefault(span => span.TraceId == trace && span.Name == name);

    private static int Processes(OtlpCollector collector, string service, string metric) =>
        collector.Senders.Keys.Count(one => one.Service == service && one.Metric == metric);

    private static async Task<string> AppendAsync(ServiceClient client, int partition)
    {
        var trace = Guid.NewGuid().ToString("N");
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/topics/{Topic}/partitions/{partition}/records")
        {
            Content = ServiceClient.Json(JsonNode.Parse("""{"records":[{"value":1}]}""")!),
        };
        request.Headers.Add("traceparent", $"00-{trace}-00f067aa0ba902b7-01");
        (await client.SendAsync(request)).Expect(HttpStatusCode.OK);
        return trace;
    }

    // Counting for Prometheus begins with the first scrape.
    private static async Task RequireScrapesAsync(ServiceClient client, ClusterProcesses cluster)
    {
        (Uri Node, string Metric)[] wanted =
            [.. cluster.Silos.Select(silo => (silo.Process.Address, "orleansstream_commit_size")), (cluster.Apis[0], "http_server_request_duration")];
        foreach (var (node, _) in wanted)
            await ScrapeAsync(node);
        for (var partition = 0; partition < PartitionCount; partition++)
            await AppendAsync(client, partition);
        foreach (var (node, metric) in wanted)
            Assert.Contains(await ScrapeAsync(node), sample => sample.Name.StartsWith(metric, StringComparison.Ordinal));
    }

    private static async Task<IReadOnlyList<PrometheusSample>> ScrapeAsync(Uri node)
    {
        // Where nobody signs in, the metrics are for this machine alone, by its name.
        using var http = new HttpClient { BaseAddress = new Uri($"http://localhost:{node.Port}") };
        return PrometheusSamples.Parse(await http.GetStringAsync(new Uri("/metrics", UriKind.Relative), TestContext.Current.CancellationToken));
    }
}
