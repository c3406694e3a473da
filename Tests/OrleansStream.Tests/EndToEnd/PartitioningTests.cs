using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>Which partition a record lands in, over REST.</summary>
[Collection(SharedServiceCollection.Name)]
public sealed class PartitioningTests(ServiceFixture fixture)
{
    private const int KeyCount = 1_000;
    private const int PartitionCount = 12;

    [Fact]
    public async Task Produce_WhenTheKeysAreAnyBytes_ChoosesAsKafkaDoes()
    {
        using var client = fixture.Service.Connect();
        await client.CreateTopicAsync("keys", PartitionCount);
        var random = new Random(TestSeed.Value);
        // Every length modulo four occurs, since murmur2 treats the rest apart; texts of several scripts, and bytes that are no text.
        var keys = Enumerable.Range(0, KeyCount).Select(i => (i % 4) switch
        {
            0 => Encoding.UTF8.GetBytes($"argentina-brazil-{i}"),
            1 => Encoding.UTF8.GetBytes($"côte-d’ivoire-日本-{i}"[..random.Next(1, 15)]),
            2 => RandomBytes(random, i % 40 + 1),
            _ => BitConverter.GetBytes(i),
        }).ToList();

        var body = new JsonObject
        {
            ["key_type"] = "binary",
            ["records"] = new JsonArray([.. keys.Select((key, i) => new JsonObject { ["key"] = Convert.ToBase64String(key), ["value"] = i })]),
        };
        var places = ServiceClient.PlacesOf((await client.PostAsync("/v1/topics/keys/records", body)).Expect(HttpStatusCode.OK));

        Assert.Equal(await KafkaPartitions.ChooseAsync(keys, PartitionCount), places.Select(place => place.Partition));
        Assert.Equal(PartitionCount, places.Select(place => place.Partition).Distinct().Count());
        await AssertStoredAsync(client, "keys", places);
    }

    [Fact]
    public async Task Produce_WhenThereAreNoKeys_SpreadsEvenly()
    {
        const int perRequest = 5;
        const int requestCount = 40 * PartitionCount;
        using var client = fixture.Service.Connect();
        await client.CreateTopicAsync("keyless", PartitionCount);
        var counts = new int[PartitionCount];
        for (var request = 0; request < requestCount; request++)
        {
            foreach (var place in await client.ProduceAsync(
                "keyless", Enumerable.Range(0, perRequest).Select(i => new JsonObject { ["value"] = i })))
            {
                counts[place.Partition]++;
            }
        }

        var mean = requestCount * perRequest / PartitionCount;
        Assert.True(counts.All(count => count > mean / 2 && count < mean * 2), string.Join(' ', counts));
    }

    [Fact]
    public async Task Produce_WhenARecordNamesAPartition_TakesItOverTheKey()
    {
        using var client = fixture.Service.Connect();
        await client.CreateTopicAsync("explicit", PartitionCount);
        var places = await client.ProduceAsync(
            "explicit",
            Enumerable.Range(0, 5 * PartitionCount).Select(
                i => new JsonObject { ["key"] = "argentina-brazil", ["partition"] = i % PartitionCount, ["value"] = i }));

        Assert.Equal(Enumerable.Range(0, 5 * PartitionCount).Select(i => i % PartitionCount), places.Select(place => place.Partition));
        await AssertStoredAsync(client, "explicit", places);
    }

    // Record i has the value i: it must be where the answer said.
    private static async Task AssertStoredAsync(ServiceClient client, string topic, Place[] places)
    {
        var records = (await client.ReadTopicAsync(topic, PartitionCount)).SelectMany(partition => partition).ToList();
        Assert.Equal(places.Length, records.Count);
        Assert.All(records, record => Assert.Equal(places[(int)record.Value!], new Place(record.Partition, record.Offset)));
    }

    private static byte[] RandomBytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
