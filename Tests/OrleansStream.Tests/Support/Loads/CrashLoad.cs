using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Tests.History;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Support.Loads;

/// <summary>
/// Producers, a reader and an observer that work on while the service is killed and started again, and write down what they see.
/// </summary>
/// <remarks>
/// Half of the producers choose partitions by keys and half name one; each sends one request after another and never repeats one, so
/// that whatever comes back twice was doubled by the service. One more gives each request a key, and repeats it until it is stored: once.
/// </remarks>
internal sealed class CrashLoad(string topic, int partitions, CallHistory history, int seed) : IAsyncDisposable
{
    private const int ProducerCount = 12;
    private const int RecordsMax = 12;
    private const int PaddingMax = 2_000;
    private const int WaitMs = 200;
    private static readonly TimeSpan PauseAfterError = TimeSpan.FromMilliseconds(100);

    private readonly CancellationTokenSource _ended = new();
    private readonly List<Task> _tasks = [];
    private readonly Lock _lock = new();
    private TaskCompletionSource<Uri> _service = NewGate();
    private long _ackedRecords;
    private volatile string _lastError = "none";

    /// <summary>Records acknowledged so far.</summary>
    public long AckedRecords => Interlocked.Read(ref _ackedRecords);

    /// <summary>Begins; nothing is sent until <see cref="Resume"/>.</summary>
    public void Start()
    {
        for (var producer = 0; producer < ProducerCount; producer++)
        {
            var id = producer;
            _tasks.Add(Task.Run(() => ProduceAsync(id)));
        }

        _tasks.Add(Task.Run(() => RepeatAsync(ProducerCount)));
        for (var partition = 0; partition < partitions; partition++)
        {
            var p = partition;
            _tasks.Add(Task.Run(() => ReadAsync(p)));
        }

        _tasks.Add(Task.Run(ObserveAsync));
    }

    /// <summary>The service serves at this address.</summary>
    public void Resume(Uri address)
    {
        lock (_lock)
            _service.TrySetResult(address);
    }

    /// <summary>The service is gone: clients wait for the next address once their request has failed.</summary>
    public void Pause()
    {
        lock (_lock)
            _service = NewGate();
    }

    /// <summary>Waits until so many more records are acknowledged; fails when a client has failed in a way it should not have.</summary>
    /// <exception cref="TimeoutException">They were not within the patience; it says what producers were told last.</exception>
    public async Task WaitUntilAckedAsync(long count, TimeSpan patience)
    {
        var enough = AckedRecords + count;
        try
        {
            await Wait.UntilAsync("it serves", async () =>
            {
                if (_tasks.Find(task => task.IsFaulted) is { } failed)
                    await failed;
                return AckedRecords >= enough;
            }, patience);
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException(
                $"{exception.Message} {enough - AckedRecords} of {count} records are missing. The last error of a producer: {_lastError}", exception);
        }
    }

    /// <summary>Ends all clients; fails when one of them failed in a way it should not have.</summary>
    public async Task StopAsync()
    {
        await _ended.CancelAsync();
        await Task.WhenAll(_tasks);
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        await Task.WhenAll(_tasks).ContinueWith(_ => { }, TaskScheduler.Default);
        _ended.Dispose();
    }

    private static TaskCompletionSource<Uri> NewGate() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Task<Uri> AddressAsync()
    {
        lock (_lock)
            return _service.Task.WaitAsync(_ended.Token);
    }

    // Runs one client after another, a new one for each life of the service.
    private async Task ServeAsync(Func<ServiceClient, Task> useAsync)
    {
        try
        {
            while (!_ended.IsCancellationRequested)
            {
                using var client = new ServiceClient(await AddressAsync());
                try
                {
                    while (!_ended.IsCancellationRequested)
                        await useAsync(client);
                }
                catch (Exception exception) when (IsGone(exception))
                {
                    // Killed: go on with the next one, which has another address. Or stopped, or too slow: then with the same one.
                    _lastError = exception.Message;
                }
            }
        }
        catch (OperationCanceledException) when (_ended.IsCancellationRequested)
        {
            // The end.
        }
    }

    private static bool IsGone(Exception exception) => exception is HttpRequestException or IOException
        or OperationCanceledException { InnerException: TimeoutException };

    private async Task ProduceAsync(int producer)
    {
        var random = new Random(seed + producer);
        var number = 0L;
        await ServeAsync(async client =>
        {
            var fixedPartition = producer % 2 == 0 ? producer / 2 % partitions : -1;
            var records = Enumerable.Range(0, random.Next(1, RecordsMax + 1))
                .Select(_ => HistoryRecord.Make(new Sending(producer, number++), fixedPartition, PaddingMax, random)).ToList();
            var (_, answer) = await Record(client, $"producer {producer}").ProduceAsync(records);
            Assert.True(answer.Status is HttpStatusCode.OK or HttpStatusCode.MultiStatus or HttpStatusCode.ServiceUnavailable
                or HttpStatusCode.GatewayTimeout or HttpStatusCode.TooManyRequests, $"{answer.Status}: {answer.Body}");
            if (answer.Status == HttpStatusCode.OK)
                Interlocked.Add(ref _ackedRecords, records.Count);
            else
                await PauseAsync($"{answer.Status} {answer.Body}");
        });
    }

    private async Task RepeatAsync(int producer)
    {
        var random = new Random(seed + producer);
        var number = 0L;
        List<JsonObject> records = [];
        await ServeAsync(async client =>
        {
            if (records.Count == 0)
            {
                records = [.. Enumerable.Range(0, random.Next(1, RecordsMax + 1))
                    .Select(_ => HistoryRecord.Make(new Sending(producer, number++), partition: -1, PaddingMax, random))];
            }

            var (call, answer) = await Record(client, $"producer {producer}").ProduceAsync(records, ("Idempotency-Key", $"{topic}-{number}"));
            if (call.Outcome == CallOutcome.Ok)
                records = [];
            else
                await PauseAsync($"{answer.Status} {answer.Body}");
        });
    }

    private Task PauseAsync(string error)
    {
        _lastError = error;
        return Pacing.Real.PassAsync(PauseAfterError, _ended.Token);
    }

    private async Task ReadAsync(int partition)
    {
        var offset = 0L;
        await ServeAsync(async client =>
        {
            var (call, answer) = await Record(client, $"reader {partition}").FetchAsync(partition, offset, WaitMs, _ended.Token);
            if (answer.Status != HttpStatusCode.ServiceUnavailable)
                answer.Expect(HttpStatusCode.OK);
            if (call.Outcome == CallOutcome.Ok)
                offset = call.NextOffset;
        });
    }

    private Task ObserveAsync() => ServeAsync(async client =>
        (await Record(client, "observer").DescribeAsync(_ended.Token)).Answer.Expect(HttpStatusCode.OK));

    private HistoryClient Record(ServiceClient client, string name) => new(client, history, topic, name);
}
