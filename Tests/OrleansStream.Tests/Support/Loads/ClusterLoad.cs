using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Tests.History;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Support.Loads;

/// <summary>Producers and readers that work on over all Api nodes whatever becomes of the silos, and write down what they see.</summary>
/// <remarks>
/// Every partition has a producer at each Api, so that one Api in trouble is no gap in service; two more choose partitions by keys. None of these
/// repeats anything: whatever comes back twice was doubled by the service. A record whose outcome is open may still arrive later, so
/// its producer then goes on under a new name, and only what is between such breaks has an order to keep. One more gives each request a key,
/// and repeats it at one node after the other until it is stored: once, and in order.
/// </remarks>
internal sealed class ClusterLoad : IAsyncDisposable
{
    private const string Produce = "produce";
    private const string KeyHeader = "Idempotency-Key";
    private const int RecordsMax = 4;
    private const int PaddingMax = 2_000;
    private const int WaitMs = 500;
    private const int DetailsMax = 50;

    // A steady load, and not as much as the machine bears: it would slow down the failure detector that is measured.
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan PauseAfterError = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(30);

    private readonly string _topic;
    private readonly CallHistory _history;
    private readonly CancellationTokenSource _ended = new();
    private readonly List<Task> _tasks = [];
    private readonly Lock _lock = new();
    private readonly List<long>[] _acks;
    private readonly long[] _served;
    private readonly Dictionary<string, int> _errors = [];
    private readonly HashSet<string> _details = [];
    private TimeSpan _longest;
    private int _producers;

    /// <summary>Begins.</summary>
    public ClusterLoad(IReadOnlyList<Uri> apis, string topic, int partitions, CallHistory history)
    {
        (_topic, _history) = (topic, history);
        _acks = [.. Enumerable.Range(0, partitions).Select(_ => new List<long>())];
        _served = new long[partitions];
        for (var api = 0; api < apis.Count; api++)
        {
            var address = apis[api];
            for (var partition = 0; partition < partitions; partition++)
            {
                var p = partition;
                _tasks.Add(Task.Run(() => RunAsync(() => ProduceAsync(address, p))));
                if (p % apis.Count == api)
                    _tasks.Add(Task.Run(() => RunAsync(() => ReadAsync(address, p))));
            }

            _tasks.Add(Task.Run(() => RunAsync(() => ProduceAsync(address, partition: -1))));
        }

        _tasks.Add(Task.Run(() => RunAsync(() => ObserveAsync(apis[0]))));
        _tasks.Add(Task.Run(() => RunAsync(() => RepeatAsync(apis))));
    }

    /// <summary>Waits until every partition has acknowledged a request that began from now on.</summary>
    public Task WaitUntilServedAsync() => WaitUntilServedAsync(Wait.Patience);

    /// <inheritdoc cref="WaitUntilServedAsync()"/>
    public async Task WaitUntilServedAsync(TimeSpan patience)
    {
        var since = Stopwatch.GetTimestamp();
        try
        {
            await Wait.UntilAsync("every partition serves", () => Task.FromResult(IsServedSince(since)), patience);
        }
        catch (TimeoutException exception)
        {
            string silent;
            lock (_lock)
                silent = string.Join(", ", Enumerable.Range(0, _served.Length).Where(partition => _served[partition] <= since));
            throw new TimeoutException($"{exception.Message} Not: {silent}. {Describe()}\n{string.Join('\n', Details)}", exception);
        }
    }

    private bool IsServedSince(long since)
    {
        lock (_lock)
            return Array.TrueForAll(_served, started => started > since);
    }

    /// <summary>Per partition the longest time without an acknowledgement that ended after a moment.</summary>
    public TimeSpan[] LongestGaps(long since)
    {
        lock (_lock)
        {
            return [.. _acks.Select(acks => acks.Zip(acks.Skip(1))
                .Where(pair => pair.Second > since)
                .Select(pair => Stopwatch.GetElapsedTime(pair.First, pair.Second))
                .DefaultIfEmpty(TimeSpan.Zero).Max())];
        }
    }

    /// <summary>What went wrong so far, in words.</summary>
    public string Describe()
    {
        lock (_lock)
        {
            var errors = _errors.OrderBy(error => error.Key, StringComparer.Ordinal).Select(error => $"{error.Value} x {error.Key}");
            return $"{_history.Count(CallOutcome.Ok)} records acknowledged, {_history.Count(CallOutcome.Unknown)} unknown, "
                + $"{_history.Count(CallOutcome.Failed)} failed; the longest request took {_longest.TotalSeconds:F1} s; errors: "
                + string.Join(", ", errors.DefaultIfEmpty("none"));
        }
    }

    /// <summary>The errors that producers were told, and requests of theirs that had no answer.</summary>
    public IReadOnlyList<string> ProducerErrors
    {
        get
        {
            lock (_lock)
                return [.. _errors.Keys.Where(error => error.StartsWith(Produce, StringComparison.Ordinal))];
        }
    }

    /// <summary>The different words in which errors were told.</summary>
    public IReadOnlyList<string> Details
    {
        get
        {
            lock (_lock)
                return [.. _details];
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

    private async Task RunAsync(Func<Task> workAsync)
    {
        try
        {
            await workAsync();
        }
        catch (OperationCanceledException) when (_ended.IsCancellationRequested)
        {
            // The end.
        }
    }

    private async Task ProduceAsync(Uri api, int partition)
    {
        using var client = Connect(api);
        var producer = Interlocked.Increment(ref _producers);
        var random = new Random(TestSeed.Value + producer);
        for (var number = 0L; !_ended.IsCancellationRequested;)
        {
            var records = Enumerable.Range(0, random.Next(1, RecordsMax + 1))
                .Select(_ => HistoryRecord.Make(new Sending(producer, number++), partition, PaddingMax, random)).ToList();
            if (await SendAsync(Record(client, $"producer {producer}"), records, partition))
                producer = Interlocked.Increment(ref _producers);
            await Pacing.Real.PassAsync(Pace, _ended.Token);
        }
    }

    private async Task RepeatAsync(IReadOnlyList<Uri> apis)
    {
        ServiceClient[] clients = [.. apis.Select(Connect)];
        var producer = Interlocked.Increment(ref _producers);
        var random = new Random(TestSeed.Value + producer);
        try
        {
            for (var (number, tries) = (0L, 0); !_ended.IsCancellationRequested;)
            {
                var key = $"{_topic}-{producer}-{number}";
                var records = Enumerable.Range(0, random.Next(1, RecordsMax + 1))
                    .Select(_ => HistoryRecord.Make(new Sending(producer, number++), partition: -1, PaddingMax, random)).ToList();
                while (await TryAsync("repeat", () => Record(clients[tries % clients.Length], $"producer {producer}").ProduceAsync(records, (KeyHeader, key)))
                    is not { Outcome: CallOutcome.Ok })
                {
                    tries++;
                    await Pacing.Real.PassAsync(PauseAfterError, _ended.Token);
                }

                await Pacing.Real.PassAsync(Pace, _ended.Token);
            }
        }
        finally
        {
            Array.ForEach(clients, client => client.Dispose());
        }
    }

    // True when the outcome is open.
    private async Task<bool> SendAsync(HistoryClient client, List<JsonObject> records, int partition)
    {
        var started = Stopwatch.GetTimestamp();
        var sent = await TryAsync(Produce, () => client.ProduceAsync(records));
        lock (_lock)
            _longest = TimeSpan.FromTicks(Math.Max(_longest.Ticks, Stopwatch.GetElapsedTime(started).Ticks));
        if (sent is not { } call)
        {
            await Pacing.Real.PassAsync(PauseAfterError, _ended.Token);
            return true;
        }

        if (call.Outcome == CallOutcome.Ok && partition >= 0)
        {
            lock (_lock)
            {
                _acks[partition].Add(call.Ended);
                _served[partition] = Math.Max(_served[partition], call.Started);
            }
        }

        return Array.Exists(call.Results, result => result.Outcome == CallOutcome.Unknown);
    }

    private async Task ReadAsync(Uri api, int partition)
    {
        using var client = Connect(api);
        for (var offset = 0L; !_ended.IsCancellationRequested;)
        {
            var call = await TryAsync("fetch", () => Record(client, $"reader {partition}").FetchAsync(partition, offset, WaitMs, _ended.Token));
            if (call is { Outcome: CallOutcome.Ok })
                offset = call.NextOffset;
            await Pacing.Real.PassAsync(Pace, _ended.Token);
        }
    }

    private async Task ObserveAsync(Uri api)
    {
        using var client = Connect(api);
        while (!_ended.IsCancellationRequested)
        {
            await TryAsync("describe", () => Record(client, "observer").DescribeAsync(_ended.Token));
            await Pacing.Real.PassAsync(PauseAfterError, _ended.Token);
        }
    }

    private HistoryClient Record(ServiceClient client, string name) => new(client, _history, _topic, name);

    // Writes down what goes wrong; null when there was no answer.
    private async Task<T?> TryAsync<T>(string what, Func<Task<(T Call, Answer Answer)>> sendAsync)
        where T : HistoryCall
    {
        try
        {
            var (call, answer) = await sendAsync();
            if (answer.Status == HttpStatusCode.OK)
                return call;
            var errors = answer.Body!["results"]?.AsArray().Select(result => result!["error"]).ToList() ?? [answer.Body];
            foreach (var error in errors.OfType<JsonObject>().DistinctBy(error => (string?)error["detail"]))
            {
                var outcome = (string?)error["outcome"] is { } known ? $" outcome {known}" : "";
                Count($"{what} {(int)answer.Status} {(string?)error["error_code"]}{outcome}", (string?)error["detail"]);
            }

            return call;
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException || IsTimeout(exception))
        {
            Count($"{what} {exception.GetType().Name}", exception.Message);
            return null;
        }
    }

    private bool IsTimeout(Exception exception) => exception is OperationCanceledException && !_ended.IsCancellationRequested;

    private void Count(string error, string? detail)
    {
        lock (_lock)
        {
            _errors[error] = _errors.GetValueOrDefault(error) + 1;
            if (_details.Count < DetailsMax)
                _details.Add($"{error}: {detail}");
        }
    }

    private static ServiceClient Connect(Uri api)
    {
        var client = new ServiceClient(api);
        client.Http.Timeout = RequestTimeout;
        return client;
    }
}
