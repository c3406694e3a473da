using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>One request of a steady load, and what came of it.</summary>
/// <param name="Partition">Where it went.</param>
/// <param name="Name">Its record's key.</param>
/// <param name="Sent">When, since the load began.</param>
/// <param name="Took">How long its answer took.</param>
/// <param name="Status">HTTP's status; null when there was no answer.</param>
/// <param name="IsUnknown">True when it may be stored all the same.</param>
/// <param name="Offset">Where it is stored, when it is.</param>
/// <param name="RetryAfter">When it was told to come again.</param>
internal sealed record SteadyRequest(
    int Partition, string Name, TimeSpan Sent, TimeSpan Took, HttpStatusCode? Status, bool IsUnknown, long Offset, TimeSpan? RetryAfter)
{
    public bool IsStored => Status == HttpStatusCode.OK;
}

/// <summary>
/// Requests of one record each to single partitions, at a pace that does not depend on the answers: a service that does not keep up must say so,
/// since nobody here waits for it. Nothing is repeated.
/// </summary>
internal sealed class SteadyLoad : IAsyncDisposable
{
    private readonly CancellationTokenSource _ended = new();
    private readonly ConcurrentQueue<SteadyRequest> _requests = new();
    private readonly ConcurrentDictionary<Task, bool> _open = new();
    private readonly List<Task> _senders = [];
    private readonly HttpClient _http;
    private readonly string _topic;
    private readonly long _started = Stopwatch.GetTimestamp();

    public SteadyLoad(Uri service, string topic)
    {
        _topic = topic;
        _http = new HttpClient { BaseAddress = service, Timeout = Wait.Patience };
    }

    /// <summary>The requests that have ended.</summary>
    public IReadOnlyCollection<SteadyRequest> Requests => _requests;

    /// <summary>The time since it began.</summary>
    public TimeSpan Now => Stopwatch.GetElapsedTime(_started);

    /// <summary>Sends to a partition from now on: so many bytes every so often.</summary>
    public void Send(int partition, int bytes, TimeSpan every) => _senders.Add(Task.Run(() => SendAsync(partition, bytes, every)));

    /// <summary>Sends no more, and waits for the answers that are still to come.</summary>
    public async Task StopAsync()
    {
        await _ended.CancelAsync();
        await Task.WhenAll(_senders);
        await Task.WhenAll(_open.Keys);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _http.Dispose();
        _ended.Dispose();
    }

    private async Task SendAsync(int partition, int bytes, TimeSpan every)
    {
        var body = new byte[bytes];
        new Random(TestSeed.Value + partition).NextBytes(body);
        using var timer = new PeriodicTimer(every, TimeProvider.System);
        try
        {
            for (var number = 0; await timer.WaitForNextTickAsync(_ended.Token); number++)
            {
                var request = RequestAsync(partition, $"{partition}-{number}", body);
                _open.TryAdd(request, true);
                _ = request.ContinueWith(task => _open.TryRemove(task, out _), TaskScheduler.Default);
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    private async Task RequestAsync(int partition, string name, byte[] body)
    {
        var (sent, started) = (Now, Stopwatch.GetTimestamp());
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/topics/{_topic}/partitions/{partition}/records");
        request.Content = new ByteArrayContent(body);
        request.Content.Headers.ContentType = new("application/octet-stream");
        request.Headers.Add("Record-Key", name);
        HttpStatusCode? status = null;
        var (isUnknown, offset) = (true, -1L);
        TimeSpan? retryAfter = null;
        try
        {
            using var response = await _http.SendAsync(request);
            var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
            status = response.StatusCode;
            isUnknown = (string?)answer["outcome"] == "unknown";
            retryAfter = response.Headers.RetryAfter?.Delta;
            if (status == HttpStatusCode.OK)
                offset = (long)answer["results"]![0]!["offset"]!;
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
        {
            // No answer: it is not known what came of it.
        }

        _requests.Enqueue(new SteadyRequest(partition, name, sent, Stopwatch.GetElapsedTime(started), status, isUnknown, offset, retryAfter));
    }
}
