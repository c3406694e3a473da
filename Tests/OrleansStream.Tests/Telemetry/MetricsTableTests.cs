using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using OrleansStream.Gateway.Instrumentation;
using OrleansStream.Gateway.Security;
using OrleansStream.Hosting;
using OrleansStream.Instrumentation;
using OrleansStream.Kafka.Connections;
using OrleansStream.Log.Resources;
using OrleansStream.Partitions;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Telemetry;

/// <summary>The table of metrics names all there are, with their kinds and units; dashboards and workbook ask for no other.</summary>
public sealed partial class MetricsTableTests
{
    [Fact]
    public async Task Table_HasEachInstrumentOfTheMeter_AndNoOther()
    {
        var published = new ConcurrentDictionary<MetricsRow, bool>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                // Tests have meters of the name, too.
                if (instrument.Meter.Name == StreamTelemetry.Name && instrument.Name.StartsWith("orleansstream.", StringComparison.Ordinal))
                    published[new MetricsRow(instrument.Name, KindOf(instrument), instrument.Unit ?? "")] = true;
            },
        };
        listener.Start();
        // They are made when they are first used.
        RuntimeHelpers.RunClassConstructor(typeof(LogInstruments).TypeHandle);
        RuntimeHelpers.RunClassConstructor(typeof(GatewayInstruments).TypeHandle);
        await using var api = new ApiFixture(TimeProvider.System);
        await api.InitializeAsync();
        _ = (api.Part<KafkaMetrics>(), api.Part<FailedSignIns>());
        // An account has metrics that other storage has not.
        using var account = new SiloMeter(
            api.Part<OpenPartitions>(), new BlobUsage(TimeProvider.System), new AzureBlobsStorageOptions(), api.Part<LogResources>(),
            TimeProvider.System);
        var topic = await api.CreateTopicAsync();
        await api.PostAsync($"/v1/topics/{topic}/records", """{"records":[{"value":1}]}""");

        Assert.Equal(
            published.Keys.Select(row => row.ToString()).Order(StringComparer.Ordinal),
            MetricsTable.Read().Select(row => row.ToString()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Workbook_AsksForMetricsOfTheTable()
    {
        var workbook = File.ReadAllText(Repository.PathOf("infra", "bicep", "workbook.json"));
        var known = MetricsTable.Read().Select(row => row.Name).ToHashSet();
        string[] asked = [.. Metric().Matches(JsonNode.Parse(workbook)!["items"]!.ToJsonString()).Select(match => match.Value).Distinct()];

        Assert.True(asked.Length >= 8, string.Join(' ', asked));
        Assert.All(asked, name => Assert.Contains(name, known));
    }

    private static string KindOf(Instrument instrument)
    {
        var name = instrument.GetType().Name;
        return name.Contains("UpDown", StringComparison.Ordinal) ? "up and down"
            : name.Contains("Counter", StringComparison.Ordinal) ? "counter"
            : name.Contains("Histogram", StringComparison.Ordinal) ? "histogram"
            : "gauge";
    }

    [GeneratedRegex(@"orleansstream\.[a-z.]+[a-z]")]
    private static partial Regex Metric();
}
