using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Tests.History;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>By what the repeats of a request are known to be repeats.</summary>
internal enum RetryIdentity
{
    /// <summary>By an Idempotency-Key; partitions are chosen by keys.</summary>
    Key,

    /// <summary>By Producer-Id, Producer-Epoch and Producer-Sequence, on one partition.</summary>
    Sequence,

    /// <summary>By nothing: the mechanism is off. Each repeat has an Idempotency-Key of its own.</summary>
    None,
}

/// <summary>
/// Producers that repeat each request, the same bytes under the same identity, until its records are stored, and then go on with the next. They
/// lose replies on purpose, too: some requests are given up after a moment, and of others the answer is as good as lost.
/// </summary>
/// <remarks>
/// A request with a key whose server died is left to whoever died for up to half a minute. Another producer takes its place
/// meanwhile, under another name, so that the load does not come to rest.
/// </remarks>
internal sealed class RetryingLoad(string topic, int partitions, CallHistory history, int seed) : IAsyncDisposable
{
    private const int RecordsMax = 8;
    private const int PaddingMax = 500;

    // Of so many requests one is given up at once, and the answer of one is not heeded.
    private const int LostOneOf = 8;

    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan GivenUpAfter = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan PauseBeforeRepeat = TimeSpan.FromMilliseconds(50);

    private readonly CancellationTokenSource _ended = new();
    private readonly ConcurrentQueue<Task> _tasks = new();
    private readonly ConcurrentDictionary<RetryIdentity, bool> _stopped = new();
    private readonly ConcurrentDictionary<string, int> _repeats = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private TaskCompletionSource<IReadOnlyList<Uri>> _service = NewGate();
    private int _producers;
    private long _storedRecords;
    private int _open;

    /// <summary>Records that producers were told are stored.</summary>
    public long StoredRecords => Interlocked.Read(ref _storedRecords);

    /// <summary>Requests that are not known to be stored yet.</summary>
    public int OpenRequests => Volatile.Read(ref _open);

    /// <summary>Starts producers; nothing is sent until <see cref="Resume"/>.</summary>
    public void Start(RetryIdentity identity, int count)
    {
        for (var i = 0; i < count; i++)
            Run(identity);
    }

    /// <summary>Producers of this kind begin no new request.</summary>
    public void Stop(RetryIdentity identity) => _stopped[identity] = true;

    /// <summary>The service serves at these addresses.</summary>
    public void Resume(params IReadOnlyList<Uri> addresses)
    {
        lock (_lock)
            _service.TrySetResult(addresses);
    }

    /// <summary>The service is gone, until <see cref="Resume"/> tells where it serves.</summary>
    public void Pause()
    {
        lock (_lock)
            _service = NewGate();
    }

    /// <summary>Begins no new requests, and waits until all that were begun are stored.</summary>
    /// <param name="patience">How long that may take.</param>
    public async Task SettleAsync(TimeSpan patience)
    {
        foreach (var identity in Enum.GetValues<RetryIdentity>())
            Stop(identity);
        await Wait.UntilAsync("all requests are stored", () => Task.FromResult(_tasks.All(task => task.IsCompleted)), patience);
        await Task.WhenAll(_tasks);
    }

    /// <summary>What went on, in words.</summary>
    public string Describe() => $"{StoredRecords} records of {_producers} producers are stored; repeated after: "
        + string.Join(", ", _repeats.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Value} x {pair.Key}"));

    /// <summary>What was sent and is not there, once all is settled: every producer repeats until its records are stored.</summary>
    public static IEnumerable<string> FindMissing(CallHistory history, IEnumerable<PartitionContent> content)
    {
        var sent = history.Calls.OfType<ProduceCall>().SelectMany(call => call.Records).Select(record => record.Id).ToHashSet();
        sent.ExceptWith(content.SelectMany(partition => partition.Records).Select(record => record.Id));
        return sent.Select(missing => $"{missing} is missing");
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        await Task.WhenAll(_tasks).ContinueWith(_ => { }, TaskScheduler.Default);
        _ended.Dispose();
    }

    private static TaskCompletionSource<IReadOnlyList<Uri>> NewGate() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Run(RetryIdentity identity) => _tasks.Enqueue(Task.Run(() => ProduceAsync(identity)));

    private async Task ProduceAsync(RetryIdentity identity)
    {
        var id = Interlocked.Increment(ref _producers);
        var random = new Random(seed + id);
        var producer = new Producer(identity, id, identity == RetryIdentity.Sequence ? id % partitions : -1);
        // Names are theirs for a day in each partition, so they are not to be those of another run.
        if (identity == RetryIdentity.Sequence)
            await RepeatAsync(random, async client => producer.ProducerId = await TakeIdAsync(client));
        while (!_stopped.ContainsKey(identity) && !producer.IsReplaced)
        {
            var records = Enumerable.Range(0, random.Next(1, RecordsMax + 1)).Select(_ => Make(producer, random)).ToList();
            await StoreAsync(producer, records, random);
            await Pacing.Real.PassAsync(Pace, _ended.Token);
        }
    }

    private static JsonObject Make(Producer producer, Random random)
    {
        var record = HistoryRecord.Make(new Sending(producer.Id, producer.Number++), producer.Partition, PaddingMax, random);
        // The path names it.
        record.Remove("partition");
        return record;
    }

    // One request until it is stored.
    private async Task StoreAsync(Producer producer, List<JsonObject> records, Random random)
    {
        Interlocked.Increment(ref _open);
        var key = Guid.NewGuid();
        await RepeatAsync(random, async client =>
        {
            using var givenUp = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
            var fate = random.Next(LostOneOf);
            if (fate == 0)
                givenUp.CancelAfter(GivenUpAfter);
            var recorder = new HistoryClient(client, history, topic, $"producer {producer.Id}");
            var (_, answer) = await recorder.ProduceAsync(
                producer.Partition, records, producer.Headers(producer.Identity == RetryIdentity.None ? Guid.NewGuid() : key), givenUp.Token);
            if (answer.Status == HttpStatusCode.OK && fate != 1)
                return true;
            Count(answer.Status == HttpStatusCode.OK ? "answer lost" : $"{(int)answer.Status} {answer.ErrorCode}");
            if (answer.Status == HttpStatusCode.OK)
                return false;
            Assert.True(IsToBeRepeated(answer), $"{answer.Status}: {answer.Body}");
            if (answer.ErrorCode == "IDEMPOTENCY_KEY_IN_USE" && !producer.IsReplaced && !_stopped.ContainsKey(producer.Identity))
            {
                producer.IsReplaced = true;
                Run(producer.Identity);
            }

            return false;
        });
        producer.Sequence += records.Count;
        Interlocked.Add(ref _storedRecords, records.Count);
        Interlocked.Decrement(ref _open);
    }

    private static bool IsToBeRepeated(Answer answer) => answer.Status is HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout
        or HttpStatusCode.TooManyRequests or HttpStatusCode.MultiStatus || answer.ErrorCode == "IDEMPOTENCY_KEY_IN_USE";

    private async Task<long?> TakeIdAsync(ServiceClient client)
    {
        var answer = await client.SendAsync(HttpMethod.Post, "/v1/producers", cancellationToken: _ended.Token);
        return answer.Status == HttpStatusCode.Created ? (long)answer.Body!["producer_id"]! : null;
    }

    private Task RepeatAsync(Random random, Func<ServiceClient, Task<long?>> tryAsync) =>
        RepeatAsync(random, async client => await tryAsync(client) is not null);

    // Again, each time wherever the service is then, until it is done.
    private async Task RepeatAsync(Random random, Func<ServiceClient, Task<bool>> tryAsync)
    {
        while (true)
        {
            IReadOnlyList<Uri> addresses;
            Task<IReadOnlyList<Uri>> gate;
            lock (_lock)
                gate = _service.Task;
            addresses = await gate.WaitAsync(_ended.Token);
            try
            {
                using var client = new ServiceClient(addresses[random.Next(addresses.Count)]);
                client.Http.Timeout = RequestTimeout;
                if (await tryAsync(client))
                    return;
            }
            catch (Exception exception) when (IsLost(exception))
            {
                Count(exception is OperationCanceledException ? "given up" : "connection lost");
            }

            await Pacing.Real.PassAsync(PauseBeforeRepeat, _ended.Token);
        }
    }

    private bool IsLost(Exception exception) =>
        exception is HttpRequestException or IOException || exception is OperationCanceledException && !_ended.IsCancellationRequested;

    private void Count(string why) => _repeats.AddOrUpdate(why, 1, (_, count) => count + 1);

    private sealed class Producer(RetryIdentity identity, int id, int partition)
    {
        public RetryIdentity Identity => identity;

        public int Id => id;

        public int Partition => partition;

        public long? ProducerId { get; set; }

        public long Number { get; set; }

        public int Sequence { get; set; }

        /// <summary>True once another one produces in its place: it only ends what it has begun.</summary>
        public bool IsReplaced { get; set; }

        public (string Name, string Value)[] Headers(Guid key) => ProducerId is { } named
            ? [("Producer-Id", $"{named}"), ("Producer-Epoch", "0"), ("Producer-Sequence", $"{Sequence}")]
            : [("Idempotency-Key", $"{key}")];
    }
}
