using System.Diagnostics;
using System.Net.Http.Headers;
using OrleansStream.Comparison.Processes;
using OrleansStream.Records;

namespace OrleansStream.Comparison.Driving;

/// <summary>
/// Load by an <see cref="HttpClient"/> and the codec, and nothing else: no retries, no identity, no groups. It encodes and decodes each record, as
/// whoever has records must; one request a partition is under way.
/// </summary>
internal static class BareHttp
{
    private static readonly MediaTypeHeaderValue Batches = new("application/vnd.kafka.recordbatch.v2");
    private static readonly MediaTypeWithQualityHeaderValue AcceptBatches = new("application/vnd.kafka.recordbatch.v2");
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    /// <summary>Produces as fast as it goes.</summary>
    /// <param name="service">The service.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="partitions">Its partitions.</param>
    /// <param name="value">Each record's value.</param>
    /// <param name="batchBytes">The size of a batch.</param>
    /// <param name="duration">How long.</param>
    public static async Task<LoadResult> ProduceAsync(
        Service service, string topic, int partitions, byte[] value, int batchBytes, TimeSpan duration)
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{service.Port}") };
        var warmed = (await ProduceForAsync(WarmUp)).Records;
        var meter = new ClientMeter(service);
        var (records, requests) = await ProduceForAsync(duration);
        return meter.Read(records, requests, value.Length) with { Records = warmed + records };

        async Task<(long Records, long Requests)> ProduceForAsync(TimeSpan time)
        {
            var began = Stopwatch.GetTimestamp();
            var all = await Task.WhenAll(Enumerable.Range(0, partitions).Select(partition => Task.Run(async () =>
            {
                using var writer = new RecordBatchWriter();
                var path = new Uri($"/v1/topics/{topic}/partitions/{partition}/records", UriKind.Relative);
                var (stored, sent) = (0L, 0L);
                for (; Stopwatch.GetElapsedTime(began) < time; sent++)
                {
                    writer.Reset(new RecordBatchOptions());
                    while (writer.LengthBytes < batchBytes)
                        writer.Append(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(), default, hasKey: false, value, hasValue: true);
                    writer.Finish();
                    using var content = new ReadOnlyMemoryContent(writer.WrittenBatch());
                    content.Headers.ContentType = Batches;
                    using var answer = await http.PostAsync(path, content);
                    answer.EnsureSuccessStatusCode();
                    stored += writer.Count;
                }

                return (stored, sent);
            })));
            return (all.Sum(one => one.stored), all.Sum(one => one.sent));
        }
    }

    /// <summary>Fetches all records, each partition's from its start.</summary>
    /// <param name="service">The service.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="partitions">Its partitions.</param>
    /// <param name="records">How many there are.</param>
    /// <param name="valueBytes">The length that each must have.</param>
    /// <param name="answerBytes">The most bytes of batches that are asked for at a time.</param>
    public static async Task<LoadResult> FetchAsync(
        Service service, string topic, int partitions, long records, int valueBytes, int answerBytes)
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{service.Port}") };
        http.DefaultRequestHeaders.Accept.Add(AcceptBatches);
        var meter = new ClientMeter(service);
        var all = await Task.WhenAll(Enumerable.Range(0, partitions).Select(partition => Task.Run(() => FetchAsync(partition))));
        if (all.Sum(one => one.Records) != records)
            throw new UnexpectedAnswerException($"{all.Sum(one => one.Records)} of {records} records came.");
        return meter.Read(records, all.Sum(one => one.Requests), valueBytes);

        async Task<(long Records, long Requests)> FetchAsync(int partition)
        {
            var buffer = new byte[2 * answerBytes];
            var (next, end, requests) = (0L, long.MaxValue, 0L);
            for (; next < end; requests++)
            {
                using var answer = await http.GetAsync(
                    new Uri($"/v1/topics/{topic}/partitions/{partition}/records?offset={next}&max_bytes={answerBytes}", UriKind.Relative),
                    HttpCompletionOption.ResponseHeadersRead);
                answer.EnsureSuccessStatusCode();
                await using var body = await answer.Content.ReadAsStreamAsync();
                var length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false);
                next += Count(buffer.AsSpan(0, length), next, valueBytes);
                end = long.Parse(answer.Headers.GetValues("High-Watermark").First());
            }

            return (next, requests);
        }
    }

    private static int Count(ReadOnlySpan<byte> batches, long from, int valueBytes)
    {
        var count = 0;
        var scanner = new RecordBatchScanner(batches, checkCrc: true);
        while (scanner.MoveNext())
        {
            using var reader = new RecordBatchReader(scanner.Batch);
            while (reader.TryReadNext(out var record))
            {
                if (record.Offset < from)
                    continue;
                if (record.Offset != from + count++ || record.Value.Length != valueBytes)
                    throw new UnexpectedAnswerException($"Offset {record.Offset} came in place of {from + count - 1}.");
            }
        }

        return count;
    }
}
