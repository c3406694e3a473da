using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.History;

/// <summary>A client of the REST surface all of whose calls are in a history. It makes one call at a time.</summary>
/// <remarks>A call that throws has no answer: its outcome stays unknown, unless nothing listened.</remarks>
internal sealed class HistoryClient(ServiceClient client, CallHistory history, string topic, string name)
{
    private static readonly PartitionContent NothingRead = new(0, []);

    /// <summary>Posts records that <see cref="HistoryRecord.Make"/> made.</summary>
    /// <param name="records">The records; the producer's next numbers, in their order.</param>
    /// <param name="headers">Further headers of the request, such as an identity.</param>
    public Task<(ProduceCall Call, Answer Answer)> ProduceAsync(
        IReadOnlyList<JsonObject> records, params (string Name, string Value)[] headers) =>
        ProduceAsync($"/v1/topics/{topic}/records", records, headers, CancellationToken.None);

    /// <summary>Posts records to one partition or to the topic.</summary>
    /// <param name="partition">The partition; negative for the topic.</param>
    /// <param name="records">As above.</param>
    /// <param name="headers">As above.</param>
    /// <param name="cancellationToken">Gives the call up: its outcome stays unknown.</param>
    public Task<(ProduceCall Call, Answer Answer)> ProduceAsync(
        int partition, IReadOnlyList<JsonObject> records, (string Name, string Value)[] headers, CancellationToken cancellationToken) =>
        ProduceAsync(
            partition < 0 ? $"/v1/topics/{topic}/records" : $"/v1/topics/{topic}/partitions/{partition}/records", records, headers, cancellationToken);

    private async Task<(ProduceCall Call, Answer Answer)> ProduceAsync(
        string path, IReadOnlyList<JsonObject> records, (string Name, string Value)[] headers, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        request.Content = ServiceClient.Json(new JsonObject { ["records"] = new JsonArray([.. records.Select(record => record.DeepClone())]) });
        foreach (var (header, value) in headers)
            request.Headers.Add(header, value);
        var call = history.Begin(new ProduceCall(name, [.. records.Select(HistoryRecord.Parse)]));
        Answer answer;
        try
        {
            answer = await client.SendAsync(request, cancellationToken);
        }
        catch (HttpRequestException exception) when (exception.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
        {
            Array.Fill(call.Results, new SentResult(CallOutcome.Failed, default));
            call.End(CallOutcome.Failed, Stopwatch.GetTimestamp());
            throw;
        }

        Note(call, answer);
        return (call, answer);
    }

    /// <summary>Reads a partition from an offset, waiting for what comes when there is nothing.</summary>
    public async Task<(FetchCall Call, Answer Answer)> FetchAsync(int partition, long offset, int waitMs, CancellationToken cancellationToken)
    {
        var call = history.Begin(new FetchCall(name, partition, offset));
        var answer = await client.SendAsync(
            HttpMethod.Get, $"/v1/topics/{topic}/partitions/{partition}/records?offset={offset}&wait_ms={waitMs}",
            cancellationToken: cancellationToken);
        if (answer is { Status: HttpStatusCode.OK, Body: { } body })
        {
            call.Records = [.. body["records"]!.AsArray().Select(record => HistoryRecord.Parse(ServiceClient.Parse(record)))];
            call.NextOffset = (long)body["next_offset"]!;
            call.LogStartOffset = (long)body["log_start_offset"]!;
            call.HighWatermark = (long)body["high_watermark"]!;
        }

        End(call, answer);
        return (call, answer);
    }

    /// <summary>Asks for the bounds of all partitions.</summary>
    public async Task<(DescribeCall Call, Answer Answer)> DescribeAsync(CancellationToken cancellationToken)
    {
        var call = history.Begin(new DescribeCall(name));
        var answer = await client.SendAsync(HttpMethod.Get, $"/v1/topics/{topic}/partitions", cancellationToken: cancellationToken);
        if (answer is { Status: HttpStatusCode.OK, Body: { } body })
        {
            call.Partitions = [.. body["partitions"]!.AsArray()
                .Where(partition => partition!["error"] is null)
                .Select(partition => new PartitionBounds(
                    (int)partition!["partition"]!, (long)partition["log_start_offset"]!, (long)partition["high_watermark"]!,
                    (int)partition["leader_epoch"]!, (string)partition["leader"]!))];
        }

        End(call, answer);
        return (call, answer);
    }

    /// <summary>Reads the whole topic when all is over; no part of the history.</summary>
    public static async Task<PartitionContent[]> ReadAllAsync(ServiceClient client, string topic, int partitions) =>
        Array.ConvertAll(await client.ReadTopicAsync(topic, partitions), records => records.Count == 0
            ? NothingRead
            : new PartitionContent(records[0].Offset, [.. records.Select(HistoryRecord.Parse)]));

    private static void Note(ProduceCall call, Answer answer)
    {
        var results = answer.Body!["results"]?.AsArray();
        for (var i = 0; i < call.Results.Length; i++)
        {
            var error = results is null ? answer.Body : results[i]!["error"];
            if (error is null)
                call.Results[i] = new SentResult(CallOutcome.Ok, new Place((int)results![i]!["partition"]!, (long)results[i]!["offset"]!));
            else if ((string?)error["outcome"] != "unknown")
                call.Results[i] = new SentResult(CallOutcome.Failed, default);
        }

        var outcomes = call.Results.Select(result => result.Outcome).Distinct().ToList();
        call.End(outcomes is [var same] ? same : CallOutcome.Unknown, Stopwatch.GetTimestamp());
    }

    private static void End(HistoryCall call, Answer answer) =>
        call.End(answer.Status == HttpStatusCode.OK ? CallOutcome.Ok : CallOutcome.Failed, Stopwatch.GetTimestamp());
}
