#nullable enable
using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Http;
using System.Threading.Tasks;
using OrleansStream.Generated;

public static class Program
{
    public static async Task<string> RunAsync(string origin, string topic)
    {
        using var http = new HttpClient();
        var client = new OrleansStreamClient(http) { BaseUrl = origin };
        TopicAnswer created = await client.CreateTopicAsync(topic, new TopicRequest
        {
            Partitions = 1,
            Config = new Dictionary<string, string> { ["retention.ms"] = "86400000", ["compression.type"] = "zstd" },
        });
        ProduceAnswer produced = await client.ProduceAsync(topic, body: new ProduceRequest
        {
            Acks = "all",
            Records =
            [
                new ProduceRecord
                {
                    Key = "peru-chile",
                    Value = new Dictionary<string, object> { ["minute"] = 12 },
                    Timestamp = DateTimeOffset.FromUnixTimeMilliseconds(1_781_205_600_000),
                    Headers = [new HeaderEntry { Key = "source", Value = "stadium" }],
                },
                new ProduceRecord { Key = "peru-chile", Value = "over" },
            ],
        });
        FetchAnswer fetched = await client.FetchRecordsAsync(topic, 0, offset: 0);
        PollAnswer polled = await client.PollGroupAsync("g-" + topic, "anna", new PollRequest { Topics = [topic], Wait_ms = 5000 });
        string refused = "";
        try
        {
            await client.GetTopicAsync(topic + "-else");
        }
        catch (ApiException<Problem> problem)
        {
            refused = problem.Result.Error_code;
        }

        StoredRecord first = fetched.Records.First();
        return $"{created.Config.RetentionMs} {created.Config.CompressionType} {produced.Results.Last().Offset} {first.Key} {first.Value} "
            + $"{first.Timestamp!.Value.ToUnixTimeMilliseconds()} {first.Headers!.Single().Value} {polled.Records.Count} {polled.Records.First().Key} {refused}";
    }
}
