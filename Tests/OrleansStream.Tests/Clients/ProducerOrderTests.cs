using Microsoft.Extensions.Time.Testing;
using OrleansStream.Client;
using OrleansStream.Client.Producing;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Clients;

/// <summary>A caller that sends without waiting for the answers: records are stored in the order of the calls.</summary>
[Collection(ApiTests.Name)]
public sealed class ProducerOrderTests(ApiFixture api)
{
    private const int RecordCount = 1000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(0)]
    [InlineData(60)]
    public async Task Send_WithoutWaitingForAnswers_KeepsTheOrderOfTheCalls(int lingerSeconds)
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 3);
        using var line = new HeldLine();
        using var client = Client(line, TimeProvider.System);
        var producer = client.CreateProducer(rig.Topic, options =>
        {
            options.BufferBytes = ProducerLimits.BufferBytesMin;
            options.Linger = TimeSpan.FromSeconds(lingerSeconds);
        });
        var padding = new string('x', 400);

        Task<SendResult>[] sends = [.. Enumerable.Range(0, RecordCount).Select(i => producer.SendAsync("peru-chile", $"{i} {padding}"))];
        Assert.All(sends, send => Assert.False(send.IsCompleted));
        line.Release();
        await producer.DisposeAsync().AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken);
        var results = await Task.WhenAll(sends);

        Assert.Equal(Enumerable.Range(0, RecordCount).Select(i => (long)i), results.Select(result => result.Offset));
        Assert.Equal(
            Enumerable.Range(0, RecordCount).Select(i => $"{i}"), (await rig.ReadAllAsync()).Select(record => record.Value!.Split(' ')[0]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Calls_OfListsAndSingleRecords_KeepTheirOrderAndAreSentBeforeTheProducerEnds(int seed)
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 3);
        using var line = new HeldLine();
        using var client = Client(line, TimeProvider.System);
        var producer = client.CreateProducer(rig.Topic, options => options.BufferBytes = ProducerLimits.BufferBytesMin);
        var random = new Random(seed);
        var padding = new string('x', 400);
        var count = 0;

        // Each call waits: first for what the topic is like, then for memory. Nothing is awaited before the producer ends.
        var calls = new List<Task>();
        while (count < RecordCount)
        {
            switch (random.Next(3))
            {
                case 0:
                    calls.Add(producer.SendAsync("peru-chile", $"{count++} {padding}"));
                    break;
                case 1:
                    calls.Add(producer.EnqueueAsync("peru-chile", $"{count++} {padding}").AsTask());
                    break;
                default:
                    var first = count;
                    count += random.Next(1, 60);
                    calls.Add(SendListAsync(first, count));
                    break;
            }
        }

        line.Release();
        await producer.DisposeAsync().AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken);
        await Task.WhenAll(calls);

        Assert.Equal(Enumerable.Range(0, count).Select(i => $"{i}"), (await rig.ReadAllAsync()).Select(record => record.Value!.Split(' ')[0]));

        async Task SendListAsync(int from, int end)
        {
            OutgoingRecord<string>[] records = [.. Enumerable.Range(from, end - from).Select(i => new OutgoingRecord<string>("peru-chile", $"{i} {padding}"))];
            Assert.All(await producer.SendAsync(records), result => Assert.True(result.IsStored));
        }
    }

    [Fact]
    public async Task Dispose_ByTwoAtOnce_EndsForBothWhenAllIsSent()
    {
        using var rig = await ClientRig.MakeAsync(api);
        using var line = new HeldLine();
        using var client = Client(line, TimeProvider.System);
        var producer = client.CreateProducer(rig.Topic);
        var sent = producer.SendAsync("peru-chile", "goal");

        var first = producer.DisposeAsync().AsTask();
        var second = producer.DisposeAsync().AsTask();
        Assert.False(first.IsCompleted);
        Assert.False(second.IsCompleted);
        line.Release();
        await Task.WhenAll(first, second).WaitAsync(Patience, TestContext.Current.CancellationToken);

        Assert.Equal(0, (await sent.WaitAsync(Patience, TestContext.Current.CancellationToken)).Offset);
        await producer.DisposeAsync();
    }

    [Fact]
    public async Task Flush_BehindACallThatStillWaits_WaitsForItsRecord()
    {
        using var rig = await ClientRig.MakeAsync(api);
        using var line = new HeldLine();
        using var client = Client(line, TimeProvider.System);
        await using var producer = client.CreateProducer(rig.Topic);
        var call = producer.EnqueueAsync("a", "first").AsTask();

        var flush = producer.FlushAsync(TestContext.Current.CancellationToken);
        Assert.False(flush.IsCompleted);
        line.Release();
        await flush.WaitAsync(Patience, TestContext.Current.CancellationToken);

        Assert.True(call.IsCompletedSuccessfully);
        Assert.Equal(["first"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Fact]
    public async Task Send_WhenACallIsCancelledWhileItWaits_DoesNotHoldTheLaterOnes()
    {
        using var rig = await ClientRig.MakeAsync(api);
        using var line = new HeldLine();
        using var client = Client(line, TimeProvider.System);
        await using var producer = client.CreateProducer(rig.Topic);
        using var cancelled = new CancellationTokenSource();
        var first = producer.SendAsync("a", "first");
        var second = producer.SendAsync("a", "second", cancelled.Token);
        var third = producer.SendAsync("a", "third");

        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        Assert.False(third.IsCompleted);
        line.Release();
        await Task.WhenAll(first, third).WaitAsync(Patience, TestContext.Current.CancellationToken);

        Assert.Equal(["first", "third"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Fact]
    public async Task Send_WhenTheCountOfPartitionsIsOld_DoesNotWaitForTheNewOne()
    {
        using var rig = await ClientRig.MakeAsync(api);
        using var line = new HeldLine();
        line.Release();
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        using var client = Client(line, time);
        await using var producer = client.CreateProducer(rig.Topic);
        await producer.SendAsync("a", "first");
        line.Hold();
        time.Advance(ProducerLimits.TopicAgeMax + TimeSpan.FromSeconds(1));

        await producer.SendAsync("a", "second").WaitAsync(Patience, TestContext.Current.CancellationToken);
        await producer.SendAsync("a", "third").WaitAsync(Patience, TestContext.Current.CancellationToken);

        Assert.Equal(2, line.QuestionCount);
        line.Release();
        Assert.Equal(["first", "second", "third"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    private OrleansStreamClient Client(HttpMessageHandler line, TimeProvider time) =>
        new(new OrleansStreamClientOptions { Endpoints = [api.Client.BaseAddress!], HttpHandler = line, TimeProvider = time });

    /// <summary>A line on which questions wait, and appends do not.</summary>
    private sealed class HeldLine() : DelegatingHandler(new SocketsHttpHandler())
    {
        private volatile TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _questionCount;

        public int QuestionCount => Volatile.Read(ref _questionCount);

        public void Hold() => _released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Release() => _released.TrySetResult();

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.Method == HttpMethod.Get)
            {
                Interlocked.Increment(ref _questionCount);
                await _released.Task.WaitAsync(Patience, cancellationToken);
            }

            return await base.SendAsync(request, cancellationToken);
        }
    }
}
