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
    public async Task<List<ConsumedRecord<T>>> FetchAsync(CancellationToken cancellationToken)
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

    private async Task<List<ConsumedRecord<T>>> FetchOnceAsync(CancellationToken cancellationToken)
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
            records.EnsureCapacity(records.Count + ExpectedCount(scanner));
            Read(scanner.Batch, from, records);
        }

        if (scanner.Status != RecordBatchStatus.End)
            throw new StreamServiceException($"The batches of {partition} behind offset {from} are damaged: {scanner.Status}.") { ErrorCode = "CORRUPT_MESSAGE" };
        _next = Number(headers, "Next-Offset");
        _end ??= Number(headers, "High-Watermark");
        _topicId = headers.TryGetValues("Topic-Id", out var ids) ? ids.First() : null;
        return records;
    }

    // The rest of an answer has batches like this one.
    private int ExpectedCount(in RecordBatchScanner scanner) => scanner.Header.Compression == CompressionType.None
        ? (int)((long)scanner.Header.RecordCount * (_buffer.Length - scanner.Position) / scanner.Batch.Length)
        : scanner.Header.RecordCount;

    private void Read(ReadOnlySpan<byte> batch, long from, List<ConsumedRecord<T>> records)
    {
        var reader = new StoredBatchReader(batch);
        try
        {
            // Nearly all batches are whole, which one look at their numbers tells: then no record is looked at twice.
            if (reader.Header.Compression == CompressionType.None && reader.IsWhole)
            {
                ReadWhole(batch, from, records);
                return;
            }

            while (reader.TryReadNext(out var record))
            {
                if (record.Offset >= from && record.Offset < Behind)
                    records.Add(Consumed(record));
            }

            if (reader.UnreadableFrom(from) is { } unreadable && unreadable.Offset < Behind)
                PassOver(unreadable);
        }
        finally
        {
            reader.Dispose();
        }
    }

    private void ReadWhole(ReadOnlySpan<byte> batch, long from, List<ConsumedRecord<T>> records)
    {
        var behind = Behind;
        var reader = new RecordBatchReader(batch);
        while (reader.TryReadNext(out var record))
        {
            if (record.Offset >= from && record.Offset < behind)
                records.Add(Consumed(record));
        }
    }

    // The offset behind the last record that is wanted.
    private long Behind => options.Follow ? long.MaxValue : _end ?? long.MaxValue;

    private ConsumedRecord<T> Consumed(in RecordView record) => new(
        new RecordPlace(partition.Topic, partition.Partition, record.Offset), record.TimestampMs,
        record.HasKey ? _keys.Keep(record.Key) : (ReadOnlyMemory<byte>?)null,
        record.HasValue ? serializer.Deserialize(record.Value) : default, !record.HasValue,
        record.HeaderCount == 0 ? null : RecordHeaders.Of(record));

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
