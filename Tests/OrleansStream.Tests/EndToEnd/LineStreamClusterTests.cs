using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>Producers that send one endless ndjson request each, whose lines are stored as they come, while silos die.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class LineStreamClusterTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private const string Topic = "lines";
    private const int PartitionCount = 6;
    private const int SiloCount = 3;
    private const int StreamCount = 8;
    private const int KillCount = 4;
    private const int LinesBetweenKills = 200;

    [Fact]
    public async Task Post_WhenSilosDieWhileLinesCome_StoresEachLineOnceAndInOrder()
    {
        OnDemand.Require(OnDemand.ClusterTests);
        await using var cluster = await ClusterProcesses.StartAsync(azurite.ConnectionString, "lines", SiloCount, apis: 1);
        using var client = new ServiceClient(cluster.Apis[0]);
        client.Http.Timeout = Timeout.InfiniteTimeSpan;
        await client.CreateTopicAsync(Topic, PartitionCount);
        Lines[] streams = [.. Enumerable.Range(0, StreamCount).Select(i => new Lines($"stream-{i}"))];
        Task<HttpResponseMessage>[] posts = [.. streams.Select(stream =>
            client.Http.PostAsync($"/v1/topics/{Topic}/records", stream, TestContext.Current.CancellationToken))];
        for (var kill = 0; kill < KillCount; kill++)
        {
            await WaitForMoreAsync(streams, posts);
            await cluster.KillAsync((await cluster.FindLeadersAsync(Topic))[kill % PartitionCount]);
            await WaitForMoreAsync(streams, posts);
            await cluster.ReplaceMissingAsync(SiloCount);
        }

        foreach (var stream in streams)
            stream.End();
        var stored = (await client.ReadTopicAsync(Topic, PartitionCount)).SelectMany(records => records).ToLookup(record => record.Key);
        foreach (var (stream, post) in streams.Zip(posts))
        {
            using var response = await post.WaitAsync(Wait.Patience);
            var results = (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))
                .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!).ToList();
            Assert.True(response.StatusCode == HttpStatusCode.OK, $"{response.StatusCode}: {results.LastOrDefault()}");
            Assert.Equal(stream.Count, results.Count);
        }

        var atTheEnd = (await client.ReadTopicAsync(Topic, PartitionCount)).SelectMany(records => records).ToLookup(record => record.Key);
        Assert.All(streams, stream => Assert.Equal(Enumerable.Range(0, stream.Count), atTheEnd[stream.Key].Select(record => (int)record.Value!)));
        // Nothing that was read before is elsewhere now.
        Assert.All(streams, stream => Assert.Equal(
            stored[stream.Key].Select(record => record.Offset),
            atTheEnd[stream.Key].Take(stored[stream.Key].Count()).Select(record => record.Offset)));
        TestContext.Current.TestOutputHelper!.WriteLine($"{streams.Sum(stream => stream.Count)} lines of {StreamCount} streams, {KillCount} silos killed");
    }

    private static async Task WaitForMoreAsync(Lines[] streams, Task<HttpResponseMessage>[] posts)
    {
        int[] targets = [.. streams.Select(stream => stream.Count + LinesBetweenKills)];
        await Wait.UntilAsync("every stream went on", () =>
        {
            Assert.DoesNotContain(posts, post => post.IsCompleted);
            return Task.FromResult(streams.Zip(targets).All(pair => pair.First.Count >= pair.Second));
        });
    }

    private sealed class Lines : HttpContent
    {
        private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(5);

        private volatile int _count;
        private volatile bool _hasEnded;

        public Lines(string key)
        {
            Key = key;
            Headers.ContentType = new("application/x-ndjson");
        }

        public string Key { get; }

        /// <summary>The lines sent so far.</summary>
        public int Count => _count;

        public void End() => _hasEnded = true;

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            while (!_hasEnded)
            {
                await stream.WriteAsync(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{{\"key\":\"{Key}\",\"value\":{_count}}}\n")));
                await stream.FlushAsync();
                _count++;
                await Pacing.Real.PassAsync(Pace, CancellationToken.None);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
