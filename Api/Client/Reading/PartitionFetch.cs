using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Consuming;
using OrleansStream.Client.Records;
using OrleansStream.Client.Serialization;
using OrleansStream.Client.Telemetry;
using OrleansStream.Records;

namespace OrleansStream.Client.Reading;

/// <summary>Fetches a partition's stored batches, one answer after the other. What fails for a while is tried again until it succeeds.</summary>
/// <typeparam name="T">The type of the records' values.</typeparam>
/// <param name="connection">The connections.</param>
/// <param name="serializer">Reads values.</param>
/// <param name="partition">The partition.</param>
/// <param name="options">The settings.</param>
/// <param name="tellUnreadable">Is told of offsets that nobody can read.</param>
internal sealed class PartitionFetch<T>(
    ServiceConnection connection, ISerializer<T> serializer, TopicPartition partition, ReaderOptions options,
    Action<UnreadableOffsetsEventArgs> tellUnreadable) : IDisposable
{
    private static readonly MediaTypeWithQualityHeaderValue Batches = new("application/vnd.kafka.recordbatch.v2");

    private readonly ServiceCalls _calls = connection.Once();
    private readonly AnswerBuffer _buffer = new();
    private readonly KeyMemory _keys = new();
    private readonly string _path =
        $"v1/topics/{Uri.EscapeDataString(partition.Topic)}/partitions/{partition.Partition}/records?max_bytes={options.MaxBytes}&";

    private long? _next;
    private long? _end;
    private string? _topicId;

    /// <summary>True when all is read that there was to read.</summary>
    public bool IsDone => !options.Follow && _next >= _end;

    /// <summary>Fetches the next records.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>The records; none when nothing came while it waited.</returns>
    /// <exception cref="StreamServiceException">The service refuses, and waiting does not help.</exception>
    public async Task<IReadOnlyList<ConsumedRecord<T>>> FetchAsync(CancellationToken cancellationToken)
    {
        for (var failures = 0; ; failures++)
        {
            try
            {
                return await FetchOnceAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (StreamServiceException exception) when (exception.IsRetriable)
            {
                var wait = Backoff.After(failures);
                ClientLog.FetchesAgain(connection.Log, partition.Topic, partition.Partition, exception.Message, wait);
                await Task.Delay(wait, connection.Time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _buffer.Dispose();

    private async Task<IReadOnlyList<ConsumedRecord<T>>> FetchOnceAsync(CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(ReaderLimits.FetchMax, connection.Time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        var wait = options.Follow && _next is not null ? $"&wait_ms={(int)ReaderLimits.WaitMax.TotalMilliseconds}" : "";
        var topicId = _topicId is null ? "" : $"&topic_id={_topicId}";
        using var request = ServiceCalls.Make(HttpMethod.Get, $"{_path}{(_next is { } next ? $"offset={next}" : options.From.Query)}{wait}{topicId}", body: null);
        request.Options.Set(EndpointHandler.GivenUp, cancellationToken);
        request.Headers.Accept.Add(Batches);
        try
        {
            using var response = await _calls.SendAsync(request, ended.Token).ConfigureAwait(false);
            await _buffer.ReadAsync(response.Content, ended.Token).ConfigureAwait(false);
            return Read(response.Headers);
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw Broken($"had no answer for {ReaderLimits.FetchMax.TotalSeconds:F0} s", exception);
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException)
        {
            throw Broken($"broke off: {exception.Message}", exception);
        }
    }

    private StreamServiceException Broken(string what, Exception exception) => new($"A fetch of {partition} {what}", exception)
    {
        ErrorCode = StreamServiceException.NetworkException,
        IsRetriable = true,
    };

    private List<ConsumedRecord<T>> Read(HttpResponseHeaders headers)
    {
        var from = Number(headers, "Fetch-Offset");
        var records = new List<ConsumedRecord<T>>();
        var scanner = new RecordBatchScanner(_buffer.Bytes.Span, checkCrc: true);
        while (scanner.MoveNext())
        {
            records.EnsureCapacity(records.Count + scanner.Header.RecordCount);
            Read(scanner.Batch, from, records);
        }

        if (scanner.Status != RecordBatchStatus.End)
            throw new StreamServiceException($"The batches of {partition} behind offset {from} are damaged: {scanner.Status}.") { ErrorCode = "CORRUPT_MESSAGE" };
        _next = Number(headers, "Next-Offset");
        _end ??= Number(headers, "High-Watermark");
        _topicId = headers.TryGetValues("Topic-Id", out var ids) ? ids.First() : null;
        return records;
    }

    private void Read(ReadOnlySpan<byte> batch, long from, List<ConsumedRecord<T>> records)
    {
        var reader = new StoredBatchReader(batch);
        try
        {
            while (reader.TryReadNext(out var record))
            {
                if (record.Offset < from || (!options.Follow && record.Offset >= _end))
                    continue;
                records.Add(new ConsumedRecord<T>(
                    new RecordPlace(partition.Topic, partition.Partition, record.Offset), record.TimestampMs,
                    record.HasKey ? _keys.Keep(record.Key) : (ReadOnlyMemory<byte>?)null,
                    record.HasValue ? serializer.Deserialize(record.Value) : default, !record.HasValue, RecordHeaders.Of(record)));
            }

            if (reader.UnreadableFrom(from) is { } unreadable && (options.Follow || _end is null || unreadable.Offset < _end))
                PassOver(unreadable);
        }
        finally
        {
            reader.Dispose();
        }
    }

    private void PassOver(in UnreadableRecords unreadable)
    {
        var (first, last, reason) = unreadable;
        ClientLog.ReaderPassesOver(connection.Log, partition.Topic, partition.Partition, first, last, reason);
        ClientTelemetry.CountUnreadable(partition.Topic, group: null, last - first + 1);
        tellUnreadable(new UnreadableOffsetsEventArgs(partition.Topic, partition.Partition, first, last, reason));
    }

    private long Number(HttpResponseHeaders headers, string name) =>
        headers.TryGetValues(name, out var values) && long.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new StreamServiceException($"The answer to a fetch of {partition} has no {name}; it is not this service's.") { Status = HttpStatusCode.OK };
}
