using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using OrleansStream.Hosting;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>A process of a cluster that is told to stop finishes what it took, hands over, and is gone in bounded time.</summary>
public sealed class ClusterStopTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private const string Topic = "stops";
    private const string Idle = "idle";
    private const int PartitionCount = 4;

    [Fact]
    public async Task Stop_OfASiloAndOfAnApiNode_BreaksNothingThatIsUnderWay()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals.");
        await using var cluster = await ClusterProcesses.StartAsync(azurite.ConnectionString, "stops", silos: 2, apis: 2);
        using var producer = new Producer(cluster.Apis[0]);
        using var other = new ServiceClient(cluster.Apis[1]);
        await other.CreateTopicAsync(Topic, PartitionCount);
        await other.CreateTopicAsync(Idle, partitions: 1);
        var leaders = await cluster.FindLeadersAsync(Topic);
        Assert.Equal(2, leaders.Distinct().Count());

        await producer.ProduceWhileAsync(mayRefuse: false, async () =>
        {
            var stopped = Stopwatch.GetTimestamp();
            Assert.Equal(0, await cluster.StopAsync(leaders[0]));
            Assert.True(Stopwatch.GetElapsedTime(stopped) < ClusterLimits.ShutdownTimeout, "It took longer than it may.");
        });

        Assert.Single((await cluster.FindLeadersAsync(Topic)).Distinct());
        var late = new List<Place>();
        await producer.ProduceWhileAsync(mayRefuse: true, () => StopApiAsync(cluster, late));

        // Everything that was stored was answered, so nothing that the node had taken was left without an answer.
        Place[] answered = [.. producer.Places, .. late];
        var stored = (await other.ReadTopicAsync(Topic, PartitionCount)).SelectMany(records => records)
            .Select(record => new Place(record.Partition, record.Offset));
        Assert.Equal(answered.OrderBy(place => (place.Partition, place.Offset)), stored);
    }

    // Not ready first, and still serving, each answer the last of its connection; then gone.
    private static async Task StopApiAsync(ClusterProcesses cluster, List<Place> late)
    {
        using var client = new ServiceClient(cluster.Apis[0]);
        Assert.NotEqual(true, (await client.GetAsync("/health/ready")).Expect(HttpStatusCode.OK).Headers.ConnectionClose);
        var parked = client.GetAsync($"/v1/topics/{Idle}/partitions/0/records?from=latest&wait_ms=20000");
        var stopping = cluster.StopApiAsync();
        await Wait.UntilAsync("it is not ready", async () =>
            (await client.GetAsync("/health/ready")) is { Status: HttpStatusCode.ServiceUnavailable, Headers.ConnectionClose: true });
        AssertIsLastOfItsConnection((await client.GetAsync("/health/live")).Expect(HttpStatusCode.OK));
        var answer = await client.PostAsync($"/v1/topics/{Topic}/records", new JsonObject
        {
            ["records"] = new JsonArray(new JsonObject { ["value"] = "late" }),
        });
        AssertIsLastOfItsConnection(answer.Expect(HttpStatusCode.OK));
        late.AddRange(ServiceClient.PlacesOf(answer));
        AssertIsLastOfItsConnection(await parked);
        Assert.Equal(0, await stopping);
    }

    private static void AssertIsLastOfItsConnection(Answer answer) => Assert.True(answer.Headers.ConnectionClose);

    /// <summary>Stores a record after the other, on one connection for as long as the node keeps it.</summary>
    private sealed class Producer : IDisposable
    {
        private readonly ServiceClient _client;
        private int _connections;
        private int _number;

        public Producer(Uri address) => _client = new ServiceClient(address, new SocketsHttpHandler { ConnectCallback = ConnectAsync });

        public List<Place> Places { get; } = [];

        public void Dispose() => _client.Dispose();

        public async Task ProduceWhileAsync(bool mayRefuse, Func<Task> workAsync)
        {
            var work = workAsync();
            while (!work.IsCompleted)
            {
                var connections = _connections;
                try
                {
                    Places.AddRange(await _client.ProduceAsync(
                        Topic, new JsonObject { ["value"] = _number, ["partition"] = _number++ % PartitionCount }));
                }
                catch (HttpRequestException) when (mayRefuse && _connections > connections)
                {
                    // It takes no more connections. One that it had taken it would not break.
                    break;
                }
            }

            await work;
        }

        private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _connections);
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }
}
