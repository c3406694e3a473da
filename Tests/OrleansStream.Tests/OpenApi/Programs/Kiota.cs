#nullable enable
using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Microsoft.Kiota.Abstractions.Authentication;
using Microsoft.Kiota.Abstractions.Serialization;
using Microsoft.Kiota.Http.HttpClientLibrary;
using OrleansStream.Generated;
using OrleansStream.Generated.Models;

public static class Program
{
    public static async Task<string> RunAsync(string origin, string topic)
    {
        using var adapter = new HttpClientRequestAdapter(new AnonymousAuthenticationProvider()) { BaseUrl = origin };
        var client = new OrleansStreamClient(adapter);
        TopicAnswer? created = await client.V1.Topics[topic].PutAsync(new TopicRequest
        {
            Partitions = 1,
            Config = new TopicRequest_config { AdditionalData = { ["retention.ms"] = 86_400_000, ["compression.type"] = "zstd" } },
        });
        ProduceAnswer? produced = await client.V1.Topics[topic].Records.PostAsync(new ProduceRequest
        {
            Acks = new ProduceRequest.ProduceRequest_acks { String = "all" },
            Records =
            [
                new ProduceRecord
                {
                    Key = new ProduceRecord.ProduceRecord_key { String = "peru-chile" },
                    Value = new UntypedObject(new Dictionary<string, UntypedNode> { ["minute"] = new UntypedInteger(12) }),
                    Timestamp = new ProduceRecord.ProduceRecord_timestamp { DateTimeOffset = DateTimeOffset.FromUnixTimeMilliseconds(
                        1_781_205_600_000) },
                    Headers = [new HeaderEntry { Key = "source", Value = "stadium" }],
                },
                new ProduceRecord { Key = new ProduceRecord.ProduceRecord_key { String = "peru-chile" }, Value = new UntypedNull() },
            ],
        });
        FetchAnswer? fetched = await client.V1.Topics[topic].Partitions[0].Records.GetAsync(request => request.QueryParameters.Offset = 0);
        PollAnswer? polled = await client.V1.Groups["g-" + topic].Members["anna"].Poll.PostAsync(new PollRequest { Topics = [topic], WaitMs = 5000 });
        string? refused = "";
        try
        {
            await client.V1.Topics[topic + "-else"].GetAsync();
        }
        catch (Problem problem)
        {
            refused = problem.ErrorCode;
        }

        StoredRecord first = fetched!.Records!.First();
        string minute = $$"""{"minute":{{((UntypedInteger)((UntypedObject)first.Value!).GetValue()["minute"]).GetValue()}}}""";
        return $"{created!.Config!.RetentionMs} {created.Config.CompressionType} {produced!.Results!.Last().Offset} {first.Key!.String} {minute} "
            + $"{first.Timestamp!.Value.ToUnixTimeMilliseconds()} {first.Headers!.Single().Value} {polled!.Records!.Count} {polled.Records.First().Key!.String} {refused}";
    }
}
