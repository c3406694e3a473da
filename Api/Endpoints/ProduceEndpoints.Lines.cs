using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using OrleansStream.Api.Errors;
using OrleansStream.Api.Mapping;
using OrleansStream.Api.Producers;
using OrleansStream.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Api.Endpoints;

internal sealed partial class ProduceEndpoints
{
    private static readonly JsonReaderOptions LineOptions = new() { MaxDepth = Limits.JsonValueDepthMax + 1 };

    /// <summary>
    /// Appends an ndjson body while it comes, a chunk at a time: a chunk is what has come while the one before was appended, up to
    /// <see cref="Limits.NdjsonChunkBytes"/>. Under an identity of the client's it is one append as a whole, since a repeat must be the same append.
    /// </summary>
    private async Task AppendLinesAsync(HttpContext context, int? partition)
    {
        RecordOptions options = RecordOptions.ReadTypes(context.Request);
        LiftBodyLimits(context);
        using ProduceResults results = MakeResults(context);
        using var lines = new LineRequest(this, context, options, partition, results);
        await lines.RunAsync();
        if (results is { Count: 0, AreBeingSent: false } && options.Acks != Acks.None)
            throw RequestException.Malformed(null, "The body holds no record; send one JSON record a line.");
        if (options.Acks == Acks.None && results is { FailedCount: 0, AreBeingSent: false })
            context.Response.StatusCode = StatusCodes.Status202Accepted;
        else
            await results.WriteAsync(context, asLines: true);
    }

    // A stream has no length; each line and each chunk has a bound, and a quiet producer is not a broken one.
    private static void LiftBodyLimits(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = null;
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
            rate.MinDataRate = null;
    }

    /// <summary>One ndjson request under way.</summary>
    private sealed class LineRequest(
        ProduceEndpoints produce, HttpContext context, RecordOptions options, int? partition, ProduceResults results)
        : IDisposable
    {
        private readonly RecordDefaults _defaults = new(options.KeyType, options.ValueType, partition is not null);
        private readonly RecordCollector _records = new(produce.NowMs(context));
        private readonly bool _isWhole = context.Features.Get<ClientIdentity>() is not null;
        private long? _expectedNextOffset = ExpectedNextOffset(context);
        private int _lineCount;
        private bool _isStopped;

        public async Task RunAsync()
        {
            using var parser = new RecordJsonParser(_records);
            PipeReader reader = RequestBody.Stream(context.Request);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, produce.Stopping);
            try
            {
                bool isEnd = false;
                while (!isEnd && !_isStopped)
                {
                    if (!reader.TryRead(out ReadResult result))
                    {
                        if (!_isWhole)
                            await AppendChunkAsync();
                        if (_isStopped)
                            break;
                        result = await reader.ReadAsync(stop.Token);
                    }

                    isEnd = result.IsCompleted;
                    SequencePosition consumed = result.Buffer.Start;
                    try
                    {
                        consumed = await TakeLinesAsync(result.Buffer, isEnd, parser);
                    }
                    finally
                    {
                        // Also when a line refuses the request: the server cannot read off the rest of a body that is still being read.
                        reader.AdvanceTo(consumed, result.Buffer.End);
                    }
                }

                await AppendChunkAsync();
            }
            catch (Exception exception) when (!context.RequestAborted.IsCancellationRequested && FaultOf(exception) is { } fault)
            {
                await StopAsync(fault);
            }

        }

        /// <inheritdoc/>
        public void Dispose() => _records.Dispose();

        private StreamError? FaultOf(Exception exception) => exception switch
        {
            OperationCanceledException when produce.Stopping.IsCancellationRequested => new StreamError(
                StreamErrorCode.ShuttingDown, "The server is stopping; this line and those behind it were not stored."),
            _ => RequestBody.DecodingFault(exception, context.Request)?.Error,
        };

        private async ValueTask<SequencePosition> TakeLinesAsync(ReadOnlySequence<byte> buffer, bool isEnd, RecordJsonParser parser)
        {
            while (!_isStopped && buffer.PositionOf((byte)'\n') is { } newline)
            {
                await TakeLineAsync(buffer.Slice(0, newline), parser);
                buffer = buffer.Slice(buffer.GetPosition(1, newline));
            }

            if (!_isStopped && isEnd && !buffer.IsEmpty)
            {
                await TakeLineAsync(buffer, parser);
                buffer = buffer.Slice(buffer.End);
            }
            else if (buffer.Length > Limits.NdjsonLineBytesMax)
            {
                await StopAsync(LineTooLong());
            }

            return buffer.Start;
        }

        private async ValueTask TakeLineAsync(ReadOnlySequence<byte> line, RecordJsonParser parser)
        {
            int number = _lineCount++;
            if (line.Length > Limits.NdjsonLineBytesMax)
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
                if (results.Count >= Limits.NdjsonResultsKeptMax)
                    await results.SendLinesAsync(context);
            }
            else if (_isWhole ? _records.LengthBytes > Limits.RequestBytesMax : _records.LengthBytes >= Limits.NdjsonChunkBytes)
            {
                if (_isWhole)
                    throw TooLongForOne();
                await AppendChunkAsync();
            }
        }

        private StreamError? Parse(ReadOnlySequence<byte> line, int number, RecordJsonParser parser)
        {
            byte[]? copy = null;
            ReadOnlySpan<byte> text = line.FirstSpan;
            try
            {
                if (!line.IsSingleSegment)
                {
                    copy = ArrayPool<byte>.Shared.Rent((int)line.Length);
                    line.CopyTo(copy);
                    text = copy.AsSpan(0, (int)line.Length);
                }

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
            $"The line is longer than {Limits.NdjsonLineBytesMax} bytes; it and those behind it were not stored.")
        {
            Field = $"lines[{_lineCount}]",
        };

        private static RequestException TooLongForOne() => new(new StreamError(
            StreamErrorCode.RecordListTooLarge,
            $"Under an identity a request is one append, of at most {Limits.RequestBytesMax} bytes; nothing was stored. Split it."));

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
            AppendOutcome outcome = default;
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
            if (!_isWhole && results.Count >= Limits.NdjsonResultsKeptMax)
                await results.SendLinesAsync(context);
        }

        private void AddResults(RecordsAppendResponse response)
        {
            int failedBefore = results.FailedCount;
            if (response.Error is { } error)
            {
                if (results is { Count: 0, AreBeingSent: false })
                    throw new RequestException(error);
                for (int i = 0; i < _records.Count; i++)
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
}
