using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text.Json;
using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.HttpErrors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Rest.Produce;

/// <summary>What became of each record of a produce request, in order, in pooled memory.</summary>
internal sealed class ProduceResults : IDisposable
{
    private const int EntryBytesMax = 160;

    private List<StreamError>? _errors;
    private List<byte[]>? _errorTexts;
    private long _errorBytes;
    private readonly PooledList<Entry> _entries = new();

    private readonly record struct Entry(int Partition, int ErrorIndex, long Offset, long TimestampMs, int RecordCount = 1);

    /// <summary>
    /// True when a duplicate was stored by another request, which may have come at another time: the time of its records is left out then,
    /// since a record without one of its own has that of its request.
    /// </summary>
    public bool AreDuplicatesOfOtherRequests { get; init; }

    /// <summary>True when so much is kept that it is to be sent, when that can be in pieces.</summary>
    public bool AreMany => Count >= ProduceLimits.NdjsonResultsKeptMax || _errorBytes >= ProduceLimits.NdjsonErrorBytesKeptMax;

    /// <summary>The count of entries.</summary>
    public int Count => _entries.Count;

    /// <summary>The count of entries that are errors.</summary>
    public int FailedCount { get; private set; }

    /// <summary>True once results are being sent, a line each: the status is 200 then, and the lines tell what failed.</summary>
    public bool AreBeingSent { get; private set; }

    /// <summary>Takes over the results of an append, and gives back the memory of the answer.</summary>
    /// <param name="response">The answer; without an error for the whole of it.</param>
    /// <param name="records">The records that were appended.</param>
    public void Add(RecordsAppendResponse response, RecordCollector records)
    {
        AddRecords(response, records.Count, records);
    }

    /// <summary>Takes over the results of an append of encoded batches, one entry per record, and gives back the memory of the answer.</summary>
    /// <param name="response">The answer; without an error for the whole of it.</param>
    /// <param name="recordCount">The count of records.</param>
    public void Add(RecordsAppendResponse response, int recordCount) => AddRecords(response, recordCount, null);

    /// <summary>Takes over the results of an append of encoded batches to one partition, one entry per part.</summary>
    /// <param name="response">The answer; without an error for the whole of it.</param>
    public void AddParts(RecordsAppendResponse response)
    {
        foreach (var part in response.Parts)
        {
            if (part.Response.Error is { } error)
                AddError(error);
            else
                _entries.Add(new Entry(part.Partition, -1, part.BaseOffset, part.Response.LogAppendTimeMs, part.RecordCount));
        }
    }

    /// <summary>Adds a record that was not appended.</summary>
    /// <param name="error">Why it failed or was refused.</param>
    public void AddError(StreamError error)
    {
        _entries.Add(new Entry(-1, IndexOf(error), -1, -1));
        FailedCount++;
    }

    /// <summary>Sends the results so far, a line each, and forgets them.</summary>
    public async Task SendLinesAsync(HttpContext context)
    {
        if (!AreBeingSent)
            context.Response.ContentType = MediaTypes.Ndjson;
        AreBeingSent = true;
        await WriteLinesAsync(context);
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
        _entries.Clear();
        FailedCount = 0;
        (_errors, _errorTexts, _errorBytes) = (null, null, 0);
    }

    /// <summary>Answers the request: 200, 207 when some records failed, or the first record's error when all did.</summary>
    /// <param name="context">The request.</param>
    /// <param name="asLines">True for one result a line, false for one JSON object.</param>
    public async Task WriteAsync(HttpContext context, bool asLines)
    {
        if (AreBeingSent)
        {
            await SendLinesAsync(context);
            return;
        }

        var writer = context.Response.BodyWriter;
        if (Count > 0 && FailedCount == Count)
        {
            // The entries go into the problem document, in the place of its closing brace.
            var problem = JsonSerializer.SerializeToUtf8Bytes(Problems.Prepare(context, _errors![0]), ApiJsonContext.Api.Problem);
            writer.Write(problem.AsSpan(0, problem.Length - 1));
            writer.Write(",\"results\":["u8);
            await WriteEntriesAsync(context, (byte)',');
            writer.Write("]}"u8);
            return;
        }

        context.Response.StatusCode = FailedCount == 0 ? StatusCodes.Status200OK : StatusCodes.Status207MultiStatus;
        context.Response.ContentType = asLines ? MediaTypes.Ndjson : MediaTypes.Json;
        if (asLines)
        {
            await WriteLinesAsync(context);
            return;
        }

        writer.Write("{\"results\":["u8);
        await WriteEntriesAsync(context, (byte)',');
        writer.Write("]}"u8);
    }

    /// <inheritdoc/>
    public void Dispose() => _entries.Dispose();

    private async Task WriteLinesAsync(HttpContext context)
    {
        if (Count == 0)
            return;
        await WriteEntriesAsync(context, (byte)'\n');
        context.Response.BodyWriter.Write("\n"u8);
    }

    private void AddRecords(RecordsAppendResponse response, int recordCount, RecordCollector? records)
    {
        var partOfRecord = response.PartOfRecord.Span;
        var taken = ArrayPool<int>.Shared.Rent(Math.Max(1, response.Parts.Length));
        taken.AsSpan(0, response.Parts.Length).Clear();
        for (var i = 0; i < recordCount; i++)
        {
            var index = partOfRecord.IsEmpty ? 0 : partOfRecord[i];
            var part = response.Parts[index];
            var place = taken[index]++;
            if (part.Response.Error is { } error)
            {
                AddError(error);
                continue;
            }

            var isTimeKnown = !part.Response.Duplicate || !AreDuplicatesOfOtherRequests;
            var timestampMs = part.Response.LogAppendTimeMs >= 0 ? part.Response.LogAppendTimeMs
                : isTimeKnown ? records?.TimestampMs(i) ?? -1 : -1;
            _entries.Add(new Entry(part.Partition, -1, part.BaseOffset + place, timestampMs));
        }

        ArrayPool<int>.Shared.Return(taken);
        response.RecordMemory?.Dispose();
    }

    private int IndexOf(StreamError error)
    {
        // The records of a part share its error, so only the last one is looked at.
        if (_errors is null || _errors[^1] != error)
        {
            (_errors ??= []).Add(error);
            var problem = Problems.Of(error);
            (_errorTexts ??= []).Add([
                .. "{\"error\":"u8, .. JsonSerializer.SerializeToUtf8Bytes(problem, ApiJsonContext.Api.Problem), (byte)'}']);
            _errorBytes += _errorTexts[^1].Length;
        }

        return _errors.Count - 1;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteEntriesAsync(HttpContext context, byte separator)
    {
        var writer = context.Response.BodyWriter;
        var written = 0;
        while (written < Count)
        {
            written = WriteSome(writer, written, separator);
            // The last piece is sent with the end of the answer, in one packet instead of two.
            if (written < Count)
                await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
        }
    }

    private int WriteSome(PipeWriter writer, int from, byte separator)
    {
        var bytes = 0;
        var i = from;
        for (; i < Count && bytes < JsonLimits.ResponseShortBytesMax; i++)
        {
            ref readonly var entry = ref _entries[i];
            var error = entry.ErrorIndex < 0 ? [] : _errorTexts![entry.ErrorIndex];
            var room = writer.GetSpan(EntryBytesMax + error.Length);
            var length = 0;
            if (i > 0)
                room[length++] = separator;
            if (entry.ErrorIndex >= 0)
            {
                error.CopyTo(room[length..]);
                length += error.Length;
            }
            else
            {
                length += Write(entry, room[length..]);
            }

            writer.Advance(length);
            bytes += length;
        }

        return i;
    }

    private static int Write(in Entry entry, Span<byte> room)
    {
        var length = 0;
        Put("{\"partition\":"u8, room, ref length);
        Put(entry.Partition, room, ref length);
        Put(",\"offset\":"u8, room, ref length);
        Put(entry.Offset, room, ref length);
        if (entry.RecordCount != 1)
        {
            Put(",\"count\":"u8, room, ref length);
            Put(entry.RecordCount, room, ref length);
        }

        if (entry.TimestampMs >= 0 && TimestampText.TryWrite(entry.TimestampMs, room[(length + 14)..]))
        {
            Put(",\"timestamp\":\""u8, room, ref length);
            length += TimestampText.LengthBytes;
            room[length++] = (byte)'"';
        }

        room[length++] = (byte)'}';
        return length;
    }

    private static void Put(ReadOnlySpan<byte> text, Span<byte> room, ref int length)
    {
        text.CopyTo(room[length..]);
        length += text.Length;
    }

    private static void Put(long number, Span<byte> room, ref int length)
    {
        var fits = Utf8Formatter.TryFormat(number, room[length..], out var written);
        Debug.Assert(fits, "An entry has room for its numbers.");
        length += written;
    }
}
