using System.Collections.Concurrent;
using OrleansStream.Client;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Producing;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>
/// Producers that outlast a service's absence, and producers that leave no hole in a partition. A callback tells what became of each record.
/// </summary>
[Collection(ApiTests.Name)]
public sealed class ProducerGaplessTests(ApiFixture api)
{
    [Theory]
    [InlineData(true, new[] { "a" }, new[] { "", "NETWORK_EXCEPTION", "GAPLESS_GUARANTEE", "GAPLESS_GUARANTEE" })]
    [InlineData(false, new[] { "a", "c", "d" }, new[] { "", "NETWORK_EXCEPTION", "", "" })]
    public async Task Enqueue_BehindAFailedBatch_SendsNothingWhereGapless(bool isGapless, string[] stored, string[] errors)
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options =>
        {
            (options.Gapless, options.Retries, options.BatchSize) = (isGapless, 0, 1); // a record a batch
        });
        var appends = 0;
        rig.Line.OnRequest = (request, _) => ClientRig.IsAppend(request) && ++appends == 2 ? HttpFault.RequestLost : HttpFault.None;

        var told = await EnqueueAsync(producer, "a", "b", "c", "d");

        Assert.Equal(errors, told.Select(result => result.Error?.ErrorCode ?? ""));
        Assert.Equal([false, true, false, false], told.Select(result => result.Error?.IsOutcomeUnknown ?? false));
        Assert.Equal(stored, (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Fact]
    public async Task Enqueue_OfARecordThatIsRefused_SendsNothingBehindItAlsoOfItsOwnBatch()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(
            rig.Topic, options => (options.Gapless, options.Linger) = (true, TimeSpan.FromSeconds(60)));
        var told = new ConcurrentQueue<SendResult>();
        foreach (var value in (string[])["a", "b", "bad", "c", "d", "e"])
        {
            var isBad = value == "bad";
            await producer.EnqueueAsync(
                new OutgoingRecord<string>("k", value) { Timestamp = isBad ? TimeProvider.System.GetUtcNow().AddDays(30) : null }, told.Enqueue);
        }

        await producer.FlushAsync();

        Assert.Equal(["", "", "INVALID_TIMESTAMP", "GAPLESS_GUARANTEE", "GAPLESS_GUARANTEE", "GAPLESS_GUARANTEE"], told.Select(result => result.Error?.ErrorCode ?? ""));
        Assert.Equal(["a", "b"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Fact]
    public async Task Enqueue_WhereOnePartitionHasAHole_GoesOnInTheOthers()
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 2);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => (options.Gapless, options.Retries) = (true, 0));
        rig.Line.OnRequest = (request, _) =>
            ClientRig.IsAppend(request) && request.RequestUri!.AbsolutePath.Contains("/partitions/0/", StringComparison.Ordinal) ? HttpFault.RequestLost : HttpFault.None;
        await Assert.ThrowsAsync<StreamServiceException>(() => producer.SendAsync(new OutgoingRecord<string>(null, "lost") { Partition = 0 }));
        rig.Line.OnRequest = (_, _) => HttpFault.None;

        await producer.EnqueueAsync(new OutgoingRecord<string>(null, "behind it") { Partition = 0 });
        await producer.SendAsync(new OutgoingRecord<string>(null, "elsewhere") { Partition = 1 });

        Assert.Equal("GAPLESS_GUARANTEE", (await Assert.ThrowsAsync<StreamServiceException>(() => producer.FlushAsync())).ErrorCode);
        Assert.Equal(["elsewhere"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Fact]
    public async Task Send_WithADeliveryTimeout_OutlastsMoreFailuresThanRetriesWould()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(
            rig.Topic, options => (options.Retries, options.RetryBackoff, options.DeliveryTimeout) = (0, TimeSpan.Zero, TimeSpan.FromMinutes(5)));
        var failures = 0;
        rig.Line.OnRequest = (request, _) => ClientRig.IsAppend(request) && failures++ < 9 ? HttpFault.ReplyLost : HttpFault.None;

        var sent = await producer.SendAsync("a", "first");

        Assert.Equal((0L, 10), (sent.Offset, failures));
        Assert.Equal(["first"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Fact]
    public async Task Send_WhenTheDeliveryTimeoutIsOver_Fails()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(
            rig.Topic, options => (options.RetryBackoff, options.DeliveryTimeout) = (TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(50)));
        rig.Line.OnRequest = (request, _) => ClientRig.IsAppend(request) ? HttpFault.RequestLost : HttpFault.None;

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => producer.SendAsync("a", "first"));

        Assert.Equal("NETWORK_EXCEPTION", error.ErrorCode);
        Assert.Contains(
            "DeliveryTimeout", Assert.Throws<ArgumentException>(() => rig.Client.CreateProducer(rig.Topic, options => options.DeliveryTimeout = TimeSpan.FromDays(2))).Message,
            StringComparison.Ordinal);
    }

    /// <summary>The topic is asked for once for all calls that wait, and not by one after the other, each with all its tries.</summary>
    [Fact]
    public async Task Send_OfManyAtOnceWhileTheServiceIsAway_FailsForAllTogether()
    {
        using var line = new AbsentService();
        await using var client = new OrleansStreamClient(new OrleansStreamClientOptions { Endpoints = [new Uri("http://localhost")], HttpHandler = line });
        await using var producer = client.CreateProducer("any", options => options.Retries = 0);
        var sends = Enumerable.Range(0, 100).Select(i => producer.SendAsync("k", $"{i}")).ToArray();

        line.Answer.SetResult();

        foreach (var send in sends)
            Assert.Equal("NETWORK_EXCEPTION", (await Assert.ThrowsAsync<StreamServiceException>(() => send)).ErrorCode);
        Assert.Equal(1, line.Count);
        await Assert.ThrowsAsync<StreamServiceException>(() => producer.SendAsync("k", "later"));
        Assert.Equal(2, line.Count);
    }

    [Fact]
    public async Task Enqueue_WhoseCallbackThrows_DisturbsNoOtherRecord()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => options.Linger = TimeSpan.FromSeconds(60));
        var told = new ConcurrentQueue<long>();
        await producer.EnqueueAsync(new OutgoingRecord<string>("k", "a"), _ => throw new InvalidOperationException("the program's own"));
        await producer.EnqueueAsync(new OutgoingRecord<string>("k", "b"), result => told.Enqueue(result.Offset));

        await producer.FlushAsync();
        var next = await producer.SendAsync("k", "c");

        Assert.Equal(1, Assert.Single(told));
        Assert.Equal(2, next.Offset);
    }

    private static async Task<SendResult[]> EnqueueAsync(StreamProducer producer, params string[] values)
    {
        var told = new ConcurrentQueue<SendResult>();
        foreach (var value in values)
            await producer.EnqueueAsync(new OutgoingRecord<string>("k", value), told.Enqueue);
        await producer.FlushAsync();
        return [.. told];
    }

    private sealed class AbsentService : HttpMessageHandler
    {
        private int _count;

        public TaskCompletionSource Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Count => _count;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _count);
            await Answer.Task.WaitAsync(cancellationToken);
            throw new HttpRequestException("Injected: nobody answers.");
        }
    }
}
