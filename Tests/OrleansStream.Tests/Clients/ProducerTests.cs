using System.Collections.Concurrent;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Producing;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Tests.Clients;

/// <summary>The producer of the client, over real HTTP: nothing is lost, doubled or reordered, and memory is bounded.</summary>
[Collection(ApiTests.Name)]
public sealed class ProducerTests(ApiFixture api)
{
    private sealed record Goal(string Player, int Minute);

    [Fact]
    public async Task Send_OfOneRecord_StoresItWhereTheResultSays()
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 6);
        await using var producer = rig.Client.CreateProducer(rig.Topic);
        var time = DateTimeOffset.Parse("2026-06-11T19:20:00Z");

        var result = await producer.SendAsync(
            new OutgoingRecord<Goal>("peru-chile", new Goal("Lapadula", 12)) { Headers = [new("source", "stadium"), new("none", (ReadOnlyMemory<byte>?)null)], Timestamp = time });

        Assert.Equal(KeyPartitioner.Choose("peru-chile"u8, 6), result.Partition);
        Assert.Equal((rig.Topic, 0L, time, true), (result.Topic, result.Offset, result.Timestamp, result.IsStored));
        var record = Assert.Single(await rig.ReadAllAsync());
        Assert.Equal(("peru-chile", """{"player":"Lapadula","minute":12}""", result.Partition, 0L), (record.Key, record.Value, record.Partition, record.Offset));
        Assert.Equal(time, record.Timestamp);
        // If another test of this process listens to spans, the producer adds the header by which consumers find its own.
        Assert.Equal(
            [("source", "stadium"), ("none", null)],
            record.Headers.Where(header => header.Key != "traceparent").Select(header => (header.Key, header.Text)));
    }

    [Theory]
    [InlineData(Compression.None)]
    [InlineData(Compression.Gzip)]
    [InlineData(Compression.Snappy)]
    [InlineData(Compression.Lz4)]
    [InlineData(Compression.Zstd)]
    public async Task Send_OfManyRecords_GivesOneResultEachInOrder(Compression compression)
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 3);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => (options.Compression, options.BatchSize) = (compression, 4096));
        OutgoingRecord<string>[] records = [.. Enumerable.Range(0, 500).Select(i => new OutgoingRecord<string>(i % 7 == 0 ? null : $"key-{i % 5}", $"value {i} {new string('x', i)}"))];

        var results = await producer.SendAsync(records);

        Assert.All(results, result => Assert.Null(result.Error));
        var stored = (await rig.ReadAllAsync()).ToDictionary(record => (record.Partition, record.Offset), record => (record.Key, record.Value));
        Assert.Equal(records.Select(record => (record.Key, record.Value)), results.Select(result => stored[(result.Partition, result.Offset)]));
        Assert.Equal(3, results.Select(result => result.Partition).Distinct().Count());
    }

    [Fact]
    public async Task Send_WhenRequestsAndAnswersAreLost_StoresEachOnceInItsKeysOrder()
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 3);
        var random = new Random(TestSeed.Value);
        rig.Line.OnRequest = (request, _) =>
        {
            if (request.Method != HttpMethod.Post)
                return HttpFault.None;
            lock (random)
            {
                return random.Next(10) switch
                {
                    0 or 1 => HttpFault.RequestLost,
                    2 or 3 => HttpFault.ReplyLost,
                    4 => HttpFault.ReplyCutOff,
                    5 => HttpFault.FailureAfterEffect,
                    6 => HttpFault.ConnectionReset,
                    _ => HttpFault.None,
                };
            }
        };
        await using (var producer = rig.Client.CreateProducer(
            rig.Topic, options => (options.BatchSize, options.Retries, options.RetryBackoff) = (512, 100, TimeSpan.Zero)))
        {
            for (var i = 0; i < 600; i++)
                await producer.EnqueueAsync($"key-{i % 10}", $"{i}");
        }

        var byKey = (await rig.ReadAllAsync()).GroupBy(record => record.Key).ToList();
        Assert.Equal(10, byKey.Count);
        Assert.All(byKey, key => Assert.Equal(
            Enumerable.Range(0, 60).Select(i => $"{int.Parse(key.Key![4..]) + 10 * i}"), key.Select(record => record.Value)));
        Assert.True(rig.Line.RequestCount > 60, $"Only {rig.Line.RequestCount} requests were made.");
    }

    [Fact]
    public async Task Send_WhenNoTryHasAnAnswer_SaysThatTheOutcomeIsUnknownAndLaterRecordsAreStored()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => (options.Retries, options.RetryBackoff) = (2, TimeSpan.Zero));
        await producer.SendAsync("a", "first");
        rig.Line.OnRequest = (_, _) => HttpFault.ReplyLost;

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => producer.SendAsync("a", "second"));
        rig.Line.OnRequest = (_, _) => HttpFault.None;
        var third = await producer.SendAsync("a", "third");

        Assert.Equal(("NETWORK_EXCEPTION", true, true), (error.ErrorCode, error.IsOutcomeUnknown, error.IsRetriable));
        Assert.Equal(["first", "second", "third"], (await rig.ReadAllAsync()).Select(record => record.Value));
        Assert.Equal(2, third.Offset);
    }

    [Fact]
    public async Task Send_WhenTheServiceRefusesForAMoment_IsToldThatNothingWasStored()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => options.Retries = 0);
        await producer.SendAsync("a", "first");
        rig.Line.OnRequest = (_, _) => HttpFault.RequestLost;

        await Assert.ThrowsAsync<StreamServiceException>(() => producer.SendAsync("a", "second"));
        rig.Line.OnRequest = (_, _) => HttpFault.None;
        await producer.SendAsync("a", "third");

        Assert.Equal(["first", "third"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Fact]
    public async Task Send_WhenOneRecordOfABatchIsRefused_StoresTheOthersInOrder()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic);
        var farAhead = TimeProvider.System.GetUtcNow().AddDays(30);
        OutgoingRecord<string>[] records = [.. Enumerable.Range(0, 100).Select(i => new OutgoingRecord<string>("a", $"{i}") { Timestamp = i == 37 ? farAhead : null })];

        var results = await producer.SendAsync(records);

        Assert.Equal("INVALID_TIMESTAMP", Assert.Single(results, result => !result.IsStored).Error!.ErrorCode);
        Assert.False(results[37].IsStored);
        Assert.Equal(Enumerable.Range(0, 100).Where(i => i != 37).Select(i => $"{i}"), (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Fact]
    public async Task Send_WhenTheTopicWasMadeAnew_GoesOnThere()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic);
        await producer.SendAsync("a", "old");
        await rig.Client.Admin.Topics.DeleteAsync(rig.Topic);
        await rig.Client.Admin.Topics.CreateAsync(rig.Topic);

        var result = await producer.SendAsync("a", "new");

        Assert.Equal(0, result.Offset);
        Assert.Equal(["new"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Fact]
    public async Task Dispose_WhileRecordsLinger_SendsThem()
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 2);
        var producer = rig.Client.CreateProducer(rig.Topic, options => options.Linger = TimeSpan.FromSeconds(60));
        for (var i = 0; i < 100; i++)
            await producer.EnqueueAsync($"key-{i}", $"{i}");

        Assert.Equal(1, rig.Line.RequestCount);
        await producer.DisposeAsync();

        Assert.Equal(100, (await rig.ReadAllAsync()).Count);
        Assert.Equal(0, producer.BufferedBytes);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => producer.SendAsync("a", "late"));
    }

    [Fact]
    public async Task Flush_WhenAnEnqueuedRecordIsRefused_Throws()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic);
        await producer.EnqueueAsync(new OutgoingRecord<string>("a", "b") { Timestamp = TimeProvider.System.GetUtcNow().AddDays(30) });

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => producer.FlushAsync());

        Assert.Equal("INVALID_TIMESTAMP", error.ErrorCode);
        await producer.FlushAsync();
    }

    [Fact]
    public async Task Enqueue_WhenTheServiceDoesNotAnswer_WaitsAndHoldsNoMoreThanItsBuffer()
    {
        using var rig = await ClientRig.MakeAsync(api);
        using var gate = new SemaphoreSlim(0);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => options.BufferBytes = ProducerLimits.BufferBytesMin);
        await producer.SendAsync("a", "first");
        rig.Line.Answer = _ =>
        {
            gate.Wait();
            return null;
        };
        var value = new string('x', 1000);
        var sent = Task.Run(async () =>
        {
            for (var i = 0; i < 500; i++)
                await producer.EnqueueAsync("a", value);
        });

        await Wait.UntilAsync("a send waits for memory", () => producer.WaitingCount == 1);
        Assert.False(sent.IsCompleted);
        Assert.InRange(producer.BufferedBytes, ProducerLimits.BufferBytesMin - 2000, ProducerLimits.BufferBytesMin);
        gate.Release(1000);
        await sent;
        await producer.FlushAsync();

        Assert.Equal(501, (await rig.ReadAllAsync()).Count);
        Assert.Equal(0, producer.BufferedBytes);
    }

    [Fact]
    public async Task Enqueue_WhenTheWaitForMemoryIsCancelled_DoesNotSendTheRecord()
    {
        var budget = new MemoryBudget(100);
        Assert.Equal(80, await budget.TakeAsync(80, CancellationToken.None));
        using var cancelled = new CancellationTokenSource();
        var large = budget.TakeAsync(50, cancelled.Token).AsTask();
        var small = budget.TakeAsync(20, CancellationToken.None).AsTask();
        Assert.False(small.IsCompleted);

        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => large);
        Assert.Equal(20, await small);
        Assert.Equal(100, budget.TakenBytes);
        budget.Give(100);
        Assert.Equal(100, await budget.TakeAsync(1000, CancellationToken.None));
    }

    [Fact]
    public async Task Budget_WhenSomebodyWaits_ServesHimOnceAnEighthIsFree()
    {
        var budget = new MemoryBudget(800);
        await budget.TakeAsync(800, CancellationToken.None);
        var waiting = budget.TakeAsync(10, CancellationToken.None).AsTask();

        budget.Give(99);
        Assert.False(waiting.IsCompleted);
        budget.Give(1);

        Assert.Equal(10, await waiting.WaitAsync(Wait.Patience, TestContext.Current.CancellationToken));
        Assert.Equal((710, 0), (budget.TakenBytes, budget.WaitingCount));
    }

    [Fact]
    public async Task Send_FromManyThreads_KeepsEachThreadsOrder()
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 2);
        var offsets = new ConcurrentDictionary<(int Thread, int Number), SendResult>();
        await using (var producer = rig.Client.CreateProducer(rig.Topic))
        {
            await Task.WhenAll(Enumerable.Range(0, 8).Select(thread => Task.Run(async () =>
            {
                for (var i = 0; i < 50; i++)
                    offsets[(thread, i)] = await producer.SendAsync($"key-{thread}", $"{thread}-{i}");
            })));
        }

        var stored = (await rig.ReadAllAsync()).ToDictionary(record => (record.Partition, record.Offset), record => record.Value);
        Assert.Equal(400, stored.Count);
        Assert.All(offsets, sent => Assert.Equal($"{sent.Key.Thread}-{sent.Key.Number}", stored[(sent.Value.Partition, sent.Value.Offset)]));
    }

    [Fact]
    public async Task Send_ToATopicThatIsNot_SaysSo()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer("no-such-topic");

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => producer.SendAsync("a", "b"));

        Assert.Equal("UNKNOWN_TOPIC_OR_PARTITION", error.ErrorCode);
        Assert.Contains("no-such-topic", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Create_WithASettingOutOfBounds_NamesIt()
    {
        using var rig = await ClientRig.MakeAsync(api);

        foreach (var (name, wrong) in new (string, Action<ProducerOptions>)[]
        {
            ("CompressionLevel", options => (options.Compression, options.CompressionLevel) = (Compression.Zstd, 23)),
            ("CompressionLevel", options => (options.Compression, options.CompressionLevel) = (Compression.Gzip, -1)),
            ("CompressionLevel", options => (options.Compression, options.CompressionLevel) = (Compression.Lz4, 1)),
            ("Gapless", options => (options.Gapless, options.Acks) = (true, Acknowledgement.Leader)),
        })
        {
            Assert.Contains(name, Assert.Throws<ArgumentException>(() => rig.Client.CreateProducer("t", wrong)).Message, StringComparison.Ordinal);
        }

        var error = Assert.Throws<ArgumentException>(() => rig.Client.CreateProducer("t", options => options.BatchSize = 0));

        Assert.Contains("BatchSize", error.Message, StringComparison.Ordinal);
    }
}
