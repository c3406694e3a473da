using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Telemetry.Cluster;
using OrleansStream.Tests.Kafka;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Telemetry;

/// <summary>
/// A service that was used a little and scraped twice: of one topic each partition is measured, of the other the sum. Its group has read of both.
/// </summary>
public sealed class MetricsFixture : IAsyncLifetime
{
    /// <summary>Its topics and its group.</summary>
    internal const string Parted = "parted-goals", Summed = "goals", Group = "scoreboard";

    private readonly ApiFixture _api = new(
        TimeProvider.System, services => services.Configure<KafkaOptions>(kafka => (kafka.Enabled, kafka.Listen) = (true, KafkaFixture.AnyPort)),
        ("OrleansStream:Telemetry:PartitionTopics:0", "parted-*"));

    /// <summary>Both scrapes of the process and of the cluster, as Prometheus would store them.</summary>
    internal IReadOnlyList<(double Seconds, IReadOnlyList<PrometheusSample> Samples)> Scrapes { get; private set; } = [];

    /// <summary>The last scrape.</summary>
    internal IReadOnlyList<PrometheusSample> Last => Scrapes[^1].Samples;

    /// <summary>The service.</summary>
    internal ApiFixture Api => _api;

    public async ValueTask InitializeAsync()
    {
        await _api.InitializeAsync();
        _api.Part<ClusterSnapshots>().AgeMax = TimeSpan.Zero;
        foreach (var topic in (string[])[Parted, Summed])
        {
            using var made = await _api.Client.PutAsync($"/v1/topics/{topic}", ApiFixture.Json("""{"partitions":3}"""));
            Assert.Equal(201, (int)made.StatusCode);
        }

        // With it collecting begins.
        await ScrapeAsync(0);
        await UseAsync("""{"records":[{"value":1}]}""", done: 1);
        var first = await ScrapeAsync(0);
        await UseAsync("""{"records":[{"value":2},{"value":3}]}""", done: 2);
        Scrapes = [first, await ScrapeAsync(60)];
    }

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    /// <summary>The value of a series of the last scrape; null when there is none.</summary>
    internal double? Value(string name, params (string Label, string Value)[] labels) => Last.SingleOrDefault(sample => sample.Name == name
        && labels.All(label => sample.Labels.GetValueOrDefault(label.Label) == label.Value)
        && sample.Labels.Keys.All(key => key is "job" or "instance" || labels.Any(label => label.Label == key)))?.Value;

    /// <summary>Scrapes both paths.</summary>
    internal async Task<(double Seconds, IReadOnlyList<PrometheusSample> Samples)> ScrapeAsync(double seconds)
    {
        List<PrometheusSample> samples = [];
        foreach (var path in (string[])["/metrics", "/metrics/kafka"])
        {
            using var response = await _api.Client.GetAsync(path);
            var text = await response.Content.ReadAsStringAsync();
            Assert.True(response.IsSuccessStatusCode, text);
            Assert.Equal("text/plain", response.Content.Headers.ContentType!.MediaType);
            samples.AddRange(PrometheusSamples.Parse(text).Select(sample => sample with
            {
                Labels = new Dictionary<string, string>(sample.Labels) { ["job"] = "orleansstream", ["instance"] = "localhost:8080" },
            }));
        }

        return (seconds, samples);
    }

    // In the end three records in each partition of both topics; of partitions 0 and 1 the group has done with two.
    private async Task UseAsync(string records, int done)
    {
        foreach (var topic in (string[])[Parted, Summed])
        {
            for (var partition = 0; partition < 3; partition++)
                await _api.PostAsync($"/v1/topics/{topic}/partitions/{partition}/records", records);
            await _api.GetAsync($"/v1/topics/{topic}/partitions/0/records?offset=0");
            var offsets = new JsonArray([.. Enumerable.Range(0, 2).Select(partition =>
                (JsonNode)new JsonObject { ["topic"] = topic, ["partition"] = partition, ["offset"] = done })]);
            using var put = await _api.Client.PutAsync(
                $"/v1/groups/{Group}/offsets", ApiFixture.Json(new JsonObject { ["offsets"] = offsets }.ToJsonString()));
            Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync());
        }
    }
}
