using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>
/// Producers, a reader and an observer that work on while the service is killed and started again, and write down what they see.
/// </summary>
/// <remarks>
/// Half of the producers choose partitions by keys and half name one; each sends one request after another and never repeats one, so
/// that whatever comes back twice was doubled by the service.
/// </remarks>
internal sealed class CrashLoad(string topic, int partitions, RequestHistory history, int seed) : IAsyncDisposable
{
    private const int ProducerCount = 12;
    private const int RecordsMax = 12;
    private const int PaddingMax = 2_000;

    private readonly CancellationTokenSource _ended = new();
    private readonly List<Task> _tasks = [];
    private readonly Lock _lock = new();
    private TaskCompletionSource<Uri> _service = NewGate();
    private long _requests;
    private long _ackedRecords;

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
                    // Killed: go on with the next one, which has another address.
                }
            }
        }
        catch (OperationCanceledException) when (_ended.IsCancellationRequested)
        {
            // The end.
        }
    }

    private static bool IsGone(Exception exception) => exception is HttpRequestException or IOException;

    private async Task ProduceAsync(int producer)
    {
        var random = new Random(seed + producer);
        var number = 0L;
        await ServeAsync(async client =>
        {
            var ids = Enumerable.Range(0, random.Next(1, RecordsMax + 1)).Select(_ => new Sending(producer, number++)).ToArray();
            var fixedPartition = producer % 2 == 0 ? producer / 2 % partitions : -1;
            var body = new JsonObject
            {
                ["records"] = new JsonArray([.. ids.Select(id => MakeRecord(id, fixedPartition, random))]),
            };
            var started = Stopwatch.GetTimestamp();
            var request = Interlocked.Increment(ref _requests);
            foreach (var id in ids)
                history.Sent(id, request, started);
            await SendAsync(client, ids, body);
        });
    }

    /// <summary>Writes down what an answer says of the records that were sent.</summary>
    public static void Note(RequestHistory history, Sending[] ids, Answer answer, long ended)
    {
        var results = answer.Body!["results"]?.AsArray();
        for (var i = 0; i < ids.Length; i++)
        {
            var error = results is null ? answer.Body : results[i]!["error"];
            if (error is null)
                history.Answered(ids[i], SendingOutcome.Acked, new Place((int)results![i]!["partition"]!, (long)results[i]!["offset"]!), ended);
            else if ((string?)error["outcome"] != "unknown")
                history.Answered(ids[i], SendingOutcome.Failed, default, ended);
        }
    }

    /// <summary>A record that names its sender.</summary>
    /// <param name="id">Who sends it.</param>
    /// <param name="partition">Its partition; negative: by a key.</param>
    /// <param name="random">Chooses key and size.</param>
    public static JsonObject MakeRecord(Sending id, int partition, Random random)
    {
        var record = new JsonObject
        {
            ["value"] = new JsonObject
            {
                ["producer"] = id.Producer,
                ["number"] = id.Number,
                ["padding"] = new string('x', random.Next(PaddingMax)),
            },
        };
        // A few keys a producer: one key's records are in order, and so all of one partition's.
        if (partition < 0)
            record["key"] = $"{id.Producer}-{random.Next(4)}";
        else
            record["partition"] = partition;
        return record;
    }

    private async Task SendAsync(ServiceClient client, Sending[] ids, JsonObject body)
    {
        Answer answer;
        try
        {
            answer = await client.PostAsync($"/v1/topics/{topic}/records", body);
        }
        catch (HttpRequestException exception) when (exception.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
        {
            foreach (var id in ids)
                history.Answered(id, SendingOutcome.Failed, default, 0);
            throw;
        }

        var ended = Stopwatch.GetTimestamp();
        Assert.True(answer.Status is HttpStatusCode.OK or HttpStatusCode.MultiStatus or HttpStatusCode.ServiceUnavailable
            or HttpStatusCode.GatewayTimeout or HttpStatusCode.TooManyRequests, $"{answer.Status}: {answer.Body}");
        Note(history, ids, answer, ended);
        if (answer.Status == HttpStatusCode.OK)
            Interlocked.Add(ref _ackedRecords, ids.Length);
    }

    private async Task ReadAsync(int partition)
    {
        var offset = 0L;
        await ServeAsync(async client =>
        {
            var answer = await client.SendAsync(
                HttpMethod.Get, $"/v1/topics/{topic}/partitions/{partition}/records?offset={offset}&wait_ms=200", cancellationToken: _ended.Token);
            if (answer.Status == HttpStatusCode.ServiceUnavailable)
                return;
            foreach (var record in answer.Expect(HttpStatusCode.OK).Body!["records"]!.AsArray().Select(ServiceClient.Parse))
                history.Seen(new Place(record.Partition, record.Offset), IdOf(record));
            offset = (long)answer.Body!["next_offset"]!;
        });
    }

    private Task ObserveAsync() => ServeAsync(async client =>
    {
        var answer = await client.SendAsync(HttpMethod.Get, $"/v1/topics/{topic}/partitions", cancellationToken: _ended.Token);
        foreach (var partition in answer.Expect(HttpStatusCode.OK).Body!["partitions"]!.AsArray())
        {
            if (partition!["high_watermark"] is { } highWatermark)
                history.WatermarkSeen((int)partition["partition"]!, (long)highWatermark);
        }
    });

    /// <summary>Who sent a record that was read.</summary>
    public static Sending IdOf(ReadRecord record) => new((int)record.Value!["producer"]!, (long)record.Value["number"]!);
}
