using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;
using OrleansStream.Comparison.Driving;
using OrleansStream.Records;

namespace OrleansStream.Comparison.Protocols;

/// <summary>Reads a partition from one offset to another, and again; each answer must hold all it says it does.</summary>
/// <param name="path">The partition's records.</param>
/// <param name="query">What bounds an answer, such as <c>limit=250</c>.</param>
/// <param name="isEncoded">True for batches as they are stored, false for JSON.</param>
/// <param name="start">Where this reader begins.</param>
/// <param name="first">The first offset.</param>
/// <param name="end">Where it starts over.</param>
/// <param name="recordBytes">A record's payload bytes.</param>
internal sealed class FetchExchange(
    string path, string query, bool isEncoded, long start, long first, long end, int recordBytes) : Exchange
{
    private readonly HttpAnswerReader _answer = new();
    private long _offset = start;

    /// <inheritdoc/>
    public override int RecordsPerRequest => 0;

    /// <inheritdoc/>
    public override long BytesPerRequest => 0;

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> NextRequests(int requestsMax, out int requests)
    {
        // The next offset is known from the answer alone, so a reader has one request under way.
        requests = 1;
        return HttpRequests.Get($"{path}?offset={_offset}&{query}", isEncoded ? "application/vnd.kafka.recordbatch.v2" : "application/json");
    }

    /// <inheritdoc/>
    public override int TakeAnswer(ReadOnlySpan<byte> received, out int records, out long bytes)
    {
        (records, bytes) = (0, 0);
        var length = _answer.TryRead(received);
        if (length == 0)
            return 0;
        var body = _answer.Body(received);
        if (_answer.Status != 200)
            throw new UnexpectedAnswerException($"Status {_answer.Status}: {Encoding.UTF8.GetString(body[..Math.Min(300, body.Length)])}");
        var next = isEncoded ? Number(_answer.Header(received, "Next-Offset")) : NextOffset(body);
        var count = isEncoded ? CountEncoded(body, _offset) : body.Count("\"offset\":"u8);
        if (count == 0 || count != next - _offset)
            throw new UnexpectedAnswerException($"{count} records came for offsets {_offset} to {next}.");
        records = count;
        bytes = (long)count * recordBytes;
        _offset = next >= end ? first : next;
        return length;
    }

    private static long NextOffset(ReadOnlySpan<byte> body)
    {
        var at = body.LastIndexOf("\"next_offset\":"u8);
        return at < 0 ? -1 : Number(body[(at + 14)..]);
    }

    private static long Number(ReadOnlySpan<byte> text) => Utf8Parser.TryParse(text, out long number, out _) ? number : -1;

    private static int CountEncoded(ReadOnlySpan<byte> batches, long offset)
    {
        long count = 0;
        while (RecordBatchHeader.TryRead(batches, out var header))
        {
            count += header.RecordCount - Math.Max(0, offset - BinaryPrimitives.ReadInt64BigEndian(batches));
            offset = header.NextOffset;
            batches = batches[header.LengthBytes..];
        }

        return (int)count;
    }
}
