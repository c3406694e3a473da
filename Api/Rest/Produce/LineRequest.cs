using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Appending;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Http.Codings;
using OrleansStream.Rest.Json;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Rest.Produce;

/// <summary>One ndjson request under way. It reads lines and appends them, until the body ends or a line stops it.</summary>
/// <param name="produce">Makes the appends.</param>
/// <param name="context">The request.</param>
/// <param name="options">What the request says of all its records.</param>
/// <param name="partition">The partition of its path; null for a request to the topic.</param>
/// <param name="results">Takes what becomes of each line.</param>
internal sealed partial class LineRequest(
    ProduceEndpoints produce, HttpContext context, RecordOptions options, int? partition, ProduceResults results) : IDisposable
{
    private static readonly JsonReaderOptions LineOptions = new() { MaxDepth = JsonLimits.JsonValueDepthMax + 1 };

    private static readonly StreamPipeReaderOptions LineReading = new(
        bufferSize: ProduceLimits.NdjsonReadBytes, leaveOpen: true, useZeroByteReads: true);

    private readonly RecordDefaults _defaults = new(options.KeyType, options.ValueType, partition is not null);
    private readonly RecordCollector _records = new(produce.NowMs(context));
    private readonly bool _isWhole = context.Features.Get<ClientIdentity>() is not null;
    private readonly LineMemory _memory = new(context.Features.GetRequiredFeature<RequestLoad>());
    private readonly SenderWatch _watch = new(context, context.Features.GetRequiredFeature<RequestLoad>(), mayRest: true);
    private long? _expectedNextOffset = ProduceEndpoints.ExpectedNextOffset(context);
    private int _lineCount;
    private long _blankBytes;
    private long _lineBytes;
    private long _searchedBytes;
    private long _cameBytes;
    private long _heldLineBytes;
    private int _malformedCount;
    private int _wellFormedCount;
    private bool _hasAppended;
    private bool _isStopped;

    /// <summary>True once the whole body was read, or no more of it can be.</summary>
    public bool IsBodyRead { get; private set; }

    /// <summary>Reads the body and appends its lines. What became of them is in the results.</summary>
    /// <exception cref="RequestException">The request is refused as a whole, and nothing of it was stored.</exception>
    public async Task RunAsync()
    {
        using var parser = new RecordJsonParser(_records);
        using var decoded = ContentCoding.TryDecode(context.Request);
        // Kestrel's own reader does not get over a body that breaks off behind bytes that were looked at and left: part of a line. So those are
        // kept in memory of ours.
        var reader = PipeReader.Create(decoded ?? context.Request.Body, LineReading);
        // The token is not linked to the end of the connection. That end ends a read by itself, and to cancel the read at the same time corrupts
        // Kestrel's reader.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(produce.Stopping);
        try
        {
            await TakeAllAsync(reader, parser, stop);
        }
        finally
        {
            await _watch.DisposeAsync();
            await reader.CompleteAsync();
        }

        await AppendChunkAsync();
    }

    /// <inheritdoc/>
    public void Dispose() => _records.Dispose();

    private async ValueTask TakeAllAsync(PipeReader reader, RecordJsonParser parser, CancellationTokenSource stop)
    {
        while (!IsBodyRead && !_isStopped && await ReadOrAppendAsync(reader, stop) is { } result)
        {
            IsBodyRead = result.IsCompleted;
            var consumed = await TakeLinesAsync(result.Buffer, parser);
            _cameBytes += result.Buffer.Length - _heldLineBytes;
            _heldLineBytes = result.Buffer.Slice(consumed).Length;
            reader.AdvanceTo(consumed, result.Buffer.End);
        }
    }

    private async ValueTask<SequencePosition> TakeLinesAsync(ReadOnlySequence<byte> buffer, RecordJsonParser parser)
    {
        while (!_isStopped)
        {
            buffer = SkipBlanks(buffer);
            if (_blankBytes - ProduceLimits.NdjsonBlankBytesMax > _lineBytes)
            {
                await StopAsync(TooManyBlanks());
                break;
            }

            if (buffer.Slice(_searchedBytes).PositionOf((byte)'\n') is not { } newline)
            {
                await TakeRestAsync(buffer, parser);
                break;
            }

            _searchedBytes = 0;
            await TakeLineAsync(buffer.Slice(0, newline), parser);
            buffer = buffer.Slice(buffer.GetPosition(1, newline));
        }

        return IsBodyRead ? buffer.End : buffer.Start;
    }

    private async ValueTask TakeRestAsync(ReadOnlySequence<byte> rest, RecordJsonParser parser)
    {
        _searchedBytes = rest.Length;
        if (IsBodyRead && !rest.IsEmpty)
            await TakeLineAsync(rest, parser);
        else if (rest.Length > ProduceLimits.NdjsonLineBytesMax)
            await StopAsync(LineTooLong());
    }

    // All that stands before the next line with a record in it, at the speed of memory.
    private ReadOnlySequence<byte> SkipBlanks(ReadOnlySequence<byte> buffer)
    {
        long skippedBytes = 0;
        foreach (var segment in buffer)
        {
            var length = segment.Span.IndexOfAnyExcept(" \t\r\n"u8);
            var blanks = length < 0 ? segment.Span : segment.Span[..length];
            _lineCount += blanks.Count((byte)'\n');
            skippedBytes += blanks.Length;
            if (length >= 0)
                break;
        }

        _blankBytes += skippedBytes;
        return buffer.Slice(skippedBytes);
    }

    private async ValueTask TakeLineAsync(ReadOnlySequence<byte> line, RecordJsonParser parser)
    {
        var number = _lineCount++;
        _lineBytes += line.Length;
        if (line.Length > ProduceLimits.NdjsonLineBytesMax)
        {
            await StopAsync(LineTooLong());
            return;
        }

        if (Parse(line, number, parser) is { } error)
        {
            if (_isWhole)
                throw new RequestException(error);
            // Keeps the results in the order of the lines.
            await AppendChunkAsync();
            if (!_isStopped)
                results.AddError(error);
            if (results.AreMany)
                await results.SendLinesAsync(context);
            if (++_malformedCount - ProduceLimits.NdjsonMalformedLinesMax > _wellFormedCount)
                await StopAsync(TooManyMalformed());
            return;
        }

        _wellFormedCount++;
        if (_isWhole ? _records.LengthBytes > HttpLimits.RequestBytesMax : _records.LengthBytes >= ProduceLimits.NdjsonChunkBytes)
        {
            if (_isWhole)
                throw TooLongForOne();
            await AppendChunkAsync();
        }
    }

    private StreamError? Parse(ReadOnlySequence<byte> line, int number, RecordJsonParser parser)
    {
        byte[]? copy = null;
        var text = line.FirstSpan;
        try
        {
            if (!line.IsSingleSegment)
            {
                copy = ArrayPool<byte>.Shared.Rent((int)line.Length);
                line.CopyTo(copy);
                text = copy.AsSpan(0, (int)line.Length);
            }

            if (number == 0)
                text = text[JsonBody.ByteOrderMarkLengthBytes(text)..];
            if (text.IndexOfAnyExcept(" \t\r"u8) < 0)
                return null;
            parser.StandAt("lines", number);
            parser.Begin();
            JsonInput.Check(text, parser.RecordPath);
            var reader = new Utf8JsonReader(text, LineOptions);
            reader.Read();
            parser.Parse(ref reader, text, _defaults, isLast: true);
            return null;
        }
        catch (JsonException exception)
        {
            return ProduceJson.NotJson(text, parser.RecordPath, LineOptions, exception).Error;
        }
        catch (RequestException exception)
        {
            return exception.Error with { Field = exception.Error.Field ?? parser.RecordPath };
        }
        finally
        {
            if (copy is not null)
                ArrayPool<byte>.Shared.Return(copy);
        }
    }

    private StreamError LineTooLong() => new(
        StreamErrorCode.MessageTooLarge,
        $"The line is longer than {ProduceLimits.NdjsonLineBytesMax} bytes; it and those behind it were not stored.")
    {
        Field = $"lines[{_lineCount}]",
    };

    private static StreamError TooManyBlanks() => new(
        StreamErrorCode.InvalidRequest,
        $"The blank lines have {ProduceLimits.NdjsonBlankBytesMax} bytes more than the others, which is the most; what follows was not stored.");

    private static StreamError TooManyMalformed() => new(
        StreamErrorCode.InvalidRequest,
        $"{ProduceLimits.NdjsonMalformedLinesMax} more lines are malformed than well-formed, which is the most; what follows was not stored.");

    private static RequestException TooLongForOne() => new(new StreamError(
        StreamErrorCode.RecordListTooLarge,
        $"Under an identity a request is one append, of at most {HttpLimits.RequestBytesMax} bytes; nothing was stored. Split it."));

    private async ValueTask StopAsync(StreamError error)
    {
        if (_isWhole)
            throw new RequestException(error);
        await AppendChunkAsync();
        if (!_isStopped)
            results.AddError(error);
        _isStopped = true;
    }

    // A chunk that fails ends the request: to store what lies behind it would put records of one key out of order.
    private async ValueTask AppendChunkAsync()
    {
        if (_records.Count == 0 || _isStopped)
            return;
        _hasAppended = true;
        RecordsAppendOutcome outcome = default;
        try
        {
            outcome = await produce.TryCallAsync(
                context, new(_records.Finish(), partition, _records.Partitions, options.Acks, _expectedNextOffset));
            AddResults(outcome.Response);
        }
        finally
        {
            // A call that was given up may still be reading these batches, whatever became of the append.
            if (outcome.IsMemoryFree)
                _records.Reset();
            else
                _records.StartAnew();
        }

        _records.NowMs = produce.NowMs(context);
        if (!_isWhole && results.AreMany)
            await results.SendLinesAsync(context);
    }

    private void AddResults(RecordsAppendResponse response)
    {
        var failedBefore = results.FailedCount;
        if (response.Error is { } error)
        {
            if (results is { Count: 0, AreBeingSent: false })
                throw new RequestException(error);
            for (var i = 0; i < _records.Count; i++)
                results.AddError(error);
        }
        else if (options.Acks != Acks.None)
        {
            results.Add(response, _records);
        }

        _isStopped = results.FailedCount > failedBefore;
        _expectedNextOffset += _records.Count;
    }
}
