using System.Text.Json.Nodes;
using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansStream.Tests.Support;
using Streamiz.Kafka.Net;
using Streamiz.Kafka.Net.SerDes;
using Streamiz.Kafka.Net.Stream;
using Streamiz.Kafka.Net.Table;

namespace OrleansStream.Tests.Kafka;

/// <summary>
/// A stream processing library works on the service's topics: Streamiz, which is Kafka Streams for .NET, counts the clicks on each ad per minute.
/// REST fills the topic, and reads the counts.
/// </summary>
[Collection(KafkaTests.Name)]
public sealed class StreamProcessingTests(KafkaFixture kafka)
{
    private const int Partitions = 4, Ads = 5, Minutes = 3;

    // It joins a group, makes its topics and restores its counts, each with pauses of its own.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly DateTimeOffset Start = new(2026, 6, 11, 19, 0, 0, TimeSpan.Zero);

    /// <summary>It is stopped in the middle; the next one restores the counts from its changelog, a topic that is to be compacted.</summary>
    [Fact]
    public async Task Streamiz_CountsClicksPerMinute_AndGoesOnAfterARestart()
    {
        var clicks = await kafka.Api.CreateTopicAsync(Partitions);
        var counts = await kafka.Api.CreateTopicAsync(Partitions);
        var application = $"clicks-{Guid.NewGuid():N}";
        var expected = new Dictionary<string, string>();
        await ClickAsync(clicks, expected, round: 1);
        using (var first = await StartAsync(application, clicks, counts))
        {
            await AreCountedAsync(expected, counts);
            // The library counts at least once: clicks that it has counted and not committed are counted again after its restart.
            await AreCommittedAsync(application, clicks, expected.Values.Sum(int.Parse));
        }

        await ClickAsync(clicks, expected, round: 2);
        using var second = await StartAsync(application, clicks, counts);
        await AreCountedAsync(expected, counts);
        Assert.Equal(Ads * Minutes, expected.Count);
    }

    private async Task AreCountedAsync(Dictionary<string, string> expected, string counts)
    {
        try
        {
            await Wait.UntilAsync("all clicks are counted", async () => Same(expected, await CountsAsync(counts)), Patience);
        }
        catch (TimeoutException)
        {
            // It tells which counts differ.
            Assert.Equal(expected.OrderBy(count => count.Key), (await CountsAsync(counts)).OrderBy(count => count.Key));
            throw;
        }
    }

    private Task AreCommittedAsync(string application, string clicks, int count) => Wait.UntilAsync(
        "all clicks are committed",
        async () => (await kafka.Api.GetAsync($"/v1/groups/{application}/offsets?topic={clicks}"))["offsets"]!.AsArray()
            .Sum(offset => Math.Max(0, (long)offset!["offset"]!)) == count,
        Patience);

    private async Task<KafkaStream> StartAsync(string application, string clicks, string counts)
    {
        var builder = new StreamBuilder();
        builder.Stream<string, string>(clicks)
            .GroupByKey()
            .WindowedBy(TumblingWindowOptions.Of(TimeSpan.FromMinutes(1)))
            .Count(InMemoryWindows.As<string, long, StringSerDes, Int64SerDes>("per-minute"))
            .ToStream()
            .Map((window, count, _) => KeyValuePair.Create($"{window.Key}@{window.Window.StartMs}", $"{count}"))
            .To(counts);
        var stream = new KafkaStream(builder.Build(), new StreamConfig<StringSerDes, StringSerDes>
        {
            ApplicationId = application, BootstrapServers = kafka.Bootstrap, AutoOffsetReset = AutoOffsetReset.Earliest,
            CommitIntervalMs = 200, PollMs = 50, Logger = NullLoggerFactory.Instance,
        });
        await stream.StartAsync();
        return stream;
    }

    /// <summary>Sends clicks, out of their order, and notes what is to be counted.</summary>
    private async Task ClickAsync(string topic, Dictionary<string, string> expected, int round)
    {
        var records = new JsonArray();
        for (var ad = 0; ad < Ads; ad++)
        {
            for (var minute = Minutes - 1; minute >= 0; minute--)
            {
                var key = $"ad-{ad}@{Start.AddMinutes(minute).ToUnixTimeMilliseconds()}";
                var clicks = (ad + 1) * (minute + round);
                expected[key] = $"{int.Parse(expected.GetValueOrDefault(key) ?? "0") + clicks}";
                for (var i = 0; i < clicks; i++)
                {
                    records.Add(new JsonObject
                    {
                        ["key"] = $"ad-{ad}", ["value"] = "click", ["value_type"] = "string",
                        ["timestamp"] = Start.AddMinutes(minute).AddSeconds(i).ToUnixTimeMilliseconds(),
                    });
                }
            }
        }

        await kafka.Api.PostAsync($"/v1/topics/{topic}/records", new JsonObject { ["records"] = records }.ToJsonString());
    }

    /// <summary>The last count of each ad and minute.</summary>
    private async Task<Dictionary<string, string>> CountsAsync(string topic)
    {
        var counts = new Dictionary<string, string>();
        for (var partition = 0; partition < Partitions; partition++)
        {
            for (var offset = 0L; ;)
            {
                var answer = await kafka.Api.GetAsync(
                    $"/v1/topics/{topic}/partitions/{partition}/records?offset={offset}&key_as=string&value_as=string");
                var records = answer["records"]!.AsArray();
                if (records.Count == 0)
                    break;
                foreach (var record in records)
                    counts[(string)record!["key"]!] = (string)record["value"]!;
                offset = (long)records[^1]!["offset"]! + 1;
            }
        }

        return counts;
    }

    private static bool Same(Dictionary<string, string> expected, Dictionary<string, string> found) =>
        found.Count == expected.Count && expected.All(one => found.GetValueOrDefault(one.Key) == one.Value);
}
