using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Faults;

/// <summary>A topic that somebody creates, writes to and deletes, over and over, whatever comes of it while there are faults.</summary>
internal sealed class PassingTopic : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private readonly string _path;
    private readonly ServiceClient[] _clients;
    private readonly CancellationTokenSource _ended = new();
    private readonly Task _task;
    private int _passes;

    /// <summary>Begins.</summary>
    public PassingTopic(IReadOnlyList<Uri> apis, string name)
    {
        (_path, _clients) = ($"/v1/topics/{name}", [.. apis.Select(api => new ServiceClient(api))]);
        _task = Task.Run(PassAsync);
    }

    /// <summary>
    /// Ends it when all is healed: then the topic must be created again and have nothing in it but what it is given, whatever went before.
    /// </summary>
    /// <returns>What is wrong, in words.</returns>
    public async Task<IReadOnlyList<string>> SettleAsync(TimeSpan patience)
    {
        await EndAsync();
        var client = _clients[0];
        await UntilAsync("deleted", HttpMethod.Delete, null, [HttpStatusCode.NoContent, HttpStatusCode.NotFound], patience);
        await UntilAsync("created", HttpMethod.Put, Partitions, [HttpStatusCode.Created, HttpStatusCode.OK], patience);
        var place = new Place(-1, -1);
        await Wait.UntilAsync("the passing topic takes a record", async () =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"{_path}/records") { Content = ServiceClient.Json(Record("last")) };
            request.Headers.Add("Idempotency-Key", "last");
            var answer = await client.SendAsync(request);
            if (answer.Status == HttpStatusCode.OK)
                place = ServiceClient.PlacesOf(answer)[0];
            return answer.Status == HttpStatusCode.OK;
        }, patience);
        IReadOnlyList<ReadRecord> records = [];
        await Wait.UntilAsync("the passing topic is read", async () =>
        {
            var answer = await client.GetAsync($"{_path}/partitions/0/records?from=earliest");
            if (answer.Status == HttpStatusCode.OK)
                records = [.. answer.Body!["records"]!.AsArray().Select(ServiceClient.Parse)];
            return answer.Status == HttpStatusCode.OK;
        }, patience);
        return place.Offset == 0 && records is [{ Offset: 0 } only] && (string?)only.Value == "last"
            ? []
            : [$"a topic created again has {records.Count} records, and the first it was given is at {place}"];
    }

    /// <summary>How often it was created and deleted again.</summary>
    public override string ToString() => $"{_passes} topics came and went";

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        _ended.Dispose();
        Array.ForEach(_clients, client => client.Dispose());
    }

    private static JsonObject Partitions => new() { ["partitions"] = 1 };

    private static JsonObject Record(string value) => new() { ["records"] = new JsonArray(new JsonObject { ["value"] = value }) };

    private async Task PassAsync()
    {
        for (var step = 0; !_ended.IsCancellationRequested; step++)
        {
            var client = _clients[step % _clients.Length];
            try
            {
                var created = await client.SendAsync(HttpMethod.Put, _path, ServiceClient.Json(Partitions), _ended.Token);
                await client.SendAsync(HttpMethod.Post, $"{_path}/records", ServiceClient.Json(Record("passing")), _ended.Token);
                var deleted = await client.SendAsync(HttpMethod.Delete, _path, cancellationToken: _ended.Token);
                if (created.Status == HttpStatusCode.Created && deleted.Status == HttpStatusCode.NoContent)
                    _passes++;
                await Pacing.Real.PassAsync(Pause, _ended.Token);
            }
            catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
            {
                // No answer, or the end: what came of it shows when all is healed.
            }
        }
    }

    private async Task EndAsync()
    {
        await _ended.CancelAsync();
        await _task;
    }

    private async Task UntilAsync(string what, HttpMethod method, JsonObject? body, HttpStatusCode[] wanted, TimeSpan patience)
    {
        Answer? last = null;
        var started = Stopwatch.GetTimestamp();
        try
        {
            await Wait.UntilAsync($"the passing topic is {what}", async () =>
            {
                last = await _clients[0].SendAsync(method, _path, body is null ? null : ServiceClient.Json(body));
                return wanted.Contains(last.Status);
            }, patience);
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException(
                $"{exception.Message} The last answer after {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s: {last?.Status} {last?.Body?.ToJsonString()}",
                exception);
        }
    }
}
