using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>Producers and readers that work on over all Api nodes whatever becomes of the silos, and write down what they see.</summary>
/// <remarks>
/// Every partition has a producer at each Api, so that one Api in trouble is no gap in service; two more choose partitions by keys. Nothing is
/// repeated: whatever comes back twice was doubled by the service. A record whose outcome is open may still arrive later, so
/// its producer then goes on under a new name, and only what is between such breaks has an order to keep.
/// </remarks>
internal sealed class ClusterLoad : IAsyncDisposable
{
    private const string Produce = "produce";
    private const int RecordsMax = 4;
    private const int DetailsMax = 50;

    // A steady load, and not as much as the machine bears: it would slow down the failure detector that is measured.
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan PauseAfterError = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(30);

    private readonly string _topic;
    private readonly RequestHistory _history;
    private readonly CancellationTokenSource _ended = new();
    private readonly List<Task> _tasks = [];
    private readonly Lock _lock = new();
    private readonly List<long>[] _acks;
    private readonly long[] _served;
    private readonly Dictionary<string, int> _errors = [];
    private readonly HashSet<string> _details = [];
    private TimeSpan _longest;
    private long _requests;
    private int _producers;

    /// <summary>Begins.</summary>
    public ClusterLoad(IReadOnlyList<Uri> apis, string topic, int partitions, RequestHistory history)
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
    }

    /// <summary>Waits until every partition has acknowledged a request that began from now on.</summary>
    public async Task WaitUntilServedAsync()
    {
        var since = Stopwatch.GetTimestamp();
        await Wait.UntilAsync("every partition serves", () =>
        {
            lock (_lock)
                return Array.TrueForAll(_served, started => started > since);
        });
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
            return $"{_history.Count(SendingOutcome.Acked)} records acknowledged, {_history.Count(SendingOutcome.Unknown)} unknown, "
                + $"{_history.Count(SendingOutcome.Failed)} failed; the longest request took {_longest.TotalSeconds:F1} s; errors: "
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
            var ids = Enumerable.Range(0, random.Next(1, RecordsMax + 1)).Select(_ => new Sending(producer, number++)).ToArray();
            var body = new JsonObject
            {
                ["records"] = new JsonArray([.. ids.Select(id => CrashLoad.MakeRecord(id, partition, random))]),
            };
            var started = Stopwatch.GetTimestamp();
            var request = Interlocked.Increment(ref _requests);
            foreach (var id in ids)
                _history.Sent(id, request, started);
            if (await SendAsync(client, ids, body, partition, started))
                producer = Interlocked.Increment(ref _producers);
            await Task.Delay(Pace, TimeProvider.System, _ended.Token);
        }
    }

    // True when the outcome is open.
    private async Task<bool> SendAsync(ServiceClient client, Sending[] ids, JsonObject body, int partition, long started)
    {
        var answer = await TryAsync(Produce, () => client.PostAsync($"/v1/topics/{_topic}/records", body));
        var ended = Stopwatch.GetTimestamp();
        lock (_lock)
            _longest = TimeSpan.FromTicks(Math.Max(_longest.Ticks, Stopwatch.GetElapsedTime(started, ended).Ticks));
        if (answer is null)
        {
            await Task.Delay(PauseAfterError, TimeProvider.System, _ended.Token);
            return true;
        }

        CrashLoad.Note(_history, ids, answer, ended);
        if (answer.Status == HttpStatusCode.OK && partition >= 0)
        {
            lock (_lock)
            {
                _acks[partition].Add(ended);
                _served[partition] = Math.Max(_served[partition], started);
            }
        }

        return answer.Body!.ToJsonString().Contains("\"outcome\":\"unknown\"", StringComparison.Ordinal);
    }

    private async Task ReadAsync(Uri api, int partition)
    {
        using var client = Connect(api);
        for (var offset = 0L; !_ended.IsCancellationRequested;)
        {
            var answer = await TryAsync("fetch", () => client.SendAsync(
                HttpMethod.Get, $"/v1/topics/{_topic}/partitions/{partition}/records?offset={offset}&wait_ms=500", cancellationToken: _ended.Token));
            if (answer is { Status: HttpStatusCode.OK, Body: { } body })
            {
                foreach (var record in body["records"]!.AsArray().Select(ServiceClient.Parse))
                    _history.Seen(new Place(record.Partition, record.Offset), CrashLoad.IdOf(record));
                offset = (long)body["next_offset"]!;
            }

            await Task.Delay(Pace, TimeProvider.System, _ended.Token);
        }
    }

    // Writes down what goes wrong; null when there was no answer.
    private async Task<Answer?> TryAsync(string what, Func<Task<Answer>> sendAsync)
    {
        try
        {
            var answer = await sendAsync();
            if (answer.Status == HttpStatusCode.OK)
                return answer;
            var errors = answer.Body!["results"]?.AsArray().Select(result => result!["error"]).ToList() ?? [answer.Body];
            foreach (var error in errors.OfType<JsonObject>().DistinctBy(error => (string?)error["detail"]))
            {
                var outcome = (string?)error["outcome"] is { } known ? $" outcome {known}" : "";
                Count($"{what} {(int)answer.Status} {(string?)error["error_code"]}{outcome}", (string?)error["detail"]);
            }

            return answer;
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
