using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.ExceptionServices;
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
    Action<UnreadableOffsetsEventArgs> tellUnreadable)
{
    private static readonly MediaTypeWithQualityHeaderValue Batches = new("application/vnd.kafka.recordbatch.v2");

    private readonly ServiceCalls _calls = connection.Once();

    // The records of an answer are handed out while the next answer comes: each has a decoder of its own.
    private readonly RecordDecoder<T> _fetched = new(partition, serializer, connection.Log);
    private readonly RecordDecoder<T> _handedOut = new(partition, serializer, connection.Log);
    private readonly string _path =
        $"v1/topics/{Uri.EscapeDataString(partition.Topic)}/partitions/{partition.Partition}/records?max_bytes={options.MaxBytes}&";

    private long? _next;
    private long? _end;
    private string? _topicId;
    private int _answerBytes = ConnectionLimits.AnswerBytesInitial;

    /// <summary>True when all is read that there was to read.</summary>
    public bool IsDone => !options.Follow && _next >= _end;

    /// <summary>Fetches the next records.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>The records, which the caller disposes; none when nothing came while it waited.</returns>
    /// <exception cref="StreamServiceException">The service refuses, and waiting does not help.</exception>
    public async Task<FetchedRecords<T>> FetchAsync(CancellationToken cancellationToken)
    {
        // It calls the program's own code. What that throws is no failure of a fetch, of whatever kind it is: the same bytes would fail for ever.
        var (answer, headers) = await AskAsync(cancellationToken).ConfigureAwait(false);
        return Read(answer, headers);
    }

    private async Task<(AnswerBuffer Answer, HttpResponseHeaders Headers)> AskAsync(CancellationToken cancellationToken)
    {
        for (var failures = 0; ; failures++)
        {
            try
            {
                return await AskOnceAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (StreamServiceException exception) when (exception.IsRetriable)
            {
                var wait = Backoff.After(failures);
                ClientLog.FetchesAgain(connection.Log, partition.Topic, partition.Partition, exception.Message, wait);
                await Task.Delay(wait, connection.Time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<(AnswerBuffer Answer, HttpResponseHeaders Headers)> AskOnceAsync(CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(ReaderLimits.FetchMax, connection.Time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        var wait = options.Follow && _next is not null ? $"&wait_ms={(int)ReaderLimits.WaitMax.TotalMilliseconds}" : "";
        var topicId = _topicId is null ? "" : $"&topic_id={_topicId}";
        using var request = ServiceCalls.Make(HttpMethod.Get, $"{_path}{(_next is { } next ? $"offset={next}" : options.From.Query)}{wait}{topicId}", body: null);
        request.Options.Set(EndpointHandler.GivenUp, cancellationToken);
        request.Headers.Accept.Add(Batches);
        var answer = new AnswerBuffer(_answerBytes);
        var isWhole = false;
        try
        {
            using var response = await _calls.SendAsync(request, ended.Token).ConfigureAwait(false);
            await answer.ReadAsync(response.Content, ended.Token).ConfigureAwait(false);
            isWhole = true;
            return (answer, response.Headers);
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw Broken($"had no answer for {ReaderLimits.FetchMax.TotalSeconds:F0} s", exception);
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException)
        {
            throw Broken($"broke off: {exception.Message}", exception);
        }
        finally
        {
            if (!isWhole)
                answer.Dispose();
        }
    }

    private StreamServiceException Broken(string what, Exception exception) => new($"A fetch of {partition} {what}", exception)
    {
        ErrorCode = StreamServiceException.NetworkException,
        IsRetriable = true,
    };

    private FetchedRecords<T> Read(AnswerBuffer answer, HttpResponseHeaders headers)
    {
        FetchedRecords<T>? records = null;
        try
        {
            var from = Number(headers, "Fetch-Offset");
            var read = new FetchedRecords<T>(answer, _handedOut, from, Behind);
            AddBatches(read, answer, from);
            _next = Number(headers, "Next-Offset");
            _end ??= Number(headers, "High-Watermark");
            _topicId = headers.TryGetValues("Topic-Id", out var ids) ? ids.First() : null;
            _answerBytes = answer.CapacityBytes;
            return records = read;
        }
        finally
        {
            if (records is null)
                answer.Dispose();
        }
    }

    private void AddBatches(FetchedRecords<T> records, AnswerBuffer answer, long from)
    {
        var scanner = new RecordBatchScanner(answer.Bytes.Span, checkCrc: true);
        while (scanner.MoveNext())
        {
            if (!records.TryAdd(answer.Bytes[scanner.Position..scanner.NextPosition]) && !AddDecoded(records, scanner.Batch, from))
                return;
        }

        if (scanner.Status != RecordBatchStatus.End)
            throw new StreamServiceException($"The batches of {partition} behind offset {from} are damaged: {scanner.Status}.") { ErrorCode = "CORRUPT_MESSAGE" };
    }

    // False when the program's serializer threw: the reader ends there, so nothing behind it is looked at.
    private bool AddDecoded(FetchedRecords<T> records, ReadOnlySpan<byte> batch, long from)
    {
        var decoded = new List<ConsumedRecord<T>>();
        var reader = new StoredBatchReader(batch);
        try
        {
            var failure = Decode(ref reader, from, decoded);
            records.Add(decoded, failure);
            if (failure is null && reader.UnreadableFrom(from) is { } unreadable && unreadable.Offset < Behind)
                PassOver(unreadable);
            return failure is null;
        }
        finally
        {
            reader.Dispose();
        }
    }

    // Returns what the program's serializer threw: the records in front of that one are good, and are handed out first.
    private ExceptionDispatchInfo? Decode(ref StoredBatchReader reader, long from, List<ConsumedRecord<T>> records)
    {
        try
        {
            while (reader.TryReadNext(out var record))
            {
                if (record.Offset >= from && record.Offset < Behind)
                    records.Add(_fetched.Decode(record));
            }

            return null;
        }
        catch (Exception exception)
        {
            return ExceptionDispatchInfo.Capture(exception);
        }
    }

    // The offset behind the last record that is wanted.
    private long Behind => options.Follow ? long.MaxValue : _end ?? long.MaxValue;

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
