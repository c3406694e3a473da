using System.Text;
using OrleansStream.Comparison.Driving;

namespace OrleansStream.Comparison.Protocols;

/// <summary>Appends one entry again and again to a Redis stream; each reply must be the entry's id.</summary>
/// <param name="request">The command.</param>
/// <param name="bytes">An entry's payload bytes.</param>
internal sealed class RedisAppendExchange(RepeatedRequest request, long bytes) : Exchange
{
    /// <inheritdoc/>
    public override int RecordsPerRequest => 1;

    /// <inheritdoc/>
    public override long BytesPerRequest => bytes;

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> NextRequests(int requestsMax, out int requests) => request.Take(requestsMax, out requests);

    /// <inheritdoc/>
    public override int TakeAnswer(ReadOnlySpan<byte> received, out int records, out long payload)
    {
        (records, payload) = (1, bytes);
        var length = RespReader.TryRead(received);
        if (length > 0 && (received[0] != '$' || !RespReader.Bulk(received).Contains((byte)'-')))
            throw new UnexpectedAnswerException($"Redis answered {Encoding.ASCII.GetString(received[..Math.Min(200, length)])}");
        return length;
    }
}

/// <summary>Reads a Redis stream from its start to its end, and again; every entry that comes is counted.</summary>
/// <param name="stream">The stream.</param>
/// <param name="count">The most entries at a time.</param>
/// <param name="recordBytes">An entry's payload bytes.</param>
internal sealed class RedisReadExchange(string stream, int count, int recordBytes) : Exchange
{
    private const string Start = "0-0";
    private string _after = Start;

    /// <inheritdoc/>
    public override int RecordsPerRequest => 0;

    /// <inheritdoc/>
    public override long BytesPerRequest => 0;

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> NextRequests(int requestsMax, out int requests)
    {
        requests = 1;
        return RespRequests.Command("XREAD", "COUNT", $"{count}", "STREAMS", stream, _after);
    }

    /// <inheritdoc/>
    public override int TakeAnswer(ReadOnlySpan<byte> received, out int records, out long bytes)
    {
        (records, bytes) = (0, 0);
        var length = RespReader.TryRead(received);
        if (length == 0)
            return 0;
        if (received[0] != '*')
            throw new UnexpectedAnswerException($"Redis answered {Encoding.ASCII.GetString(received[..Math.Min(200, length)])}");
        if (RespReader.Number(received) < 0)
        {
            _after = Start;
            return length;
        }

        records = CountEntries(received[..length], out _after);
        bytes = (long)records * recordBytes;
        return length;
    }

    // [[stream, [[id, [field, value]], …]]]: each entry is an array of two that begins with its id.
    private static int CountEntries(ReadOnlySpan<byte> reply, out string lastId)
    {
        var rest = AfterLine(AfterLine(reply));
        rest = rest[RespReader.TryRead(rest)..];
        var entries = (int)RespReader.Number(rest);
        rest = AfterLine(rest);
        lastId = Start;
        for (var i = 0; i < entries; i++)
        {
            if (i == entries - 1)
                lastId = Encoding.ASCII.GetString(RespReader.Bulk(AfterLine(rest)));
            rest = rest[RespReader.TryRead(rest)..];
        }

        return rest.IsEmpty ? entries : throw new UnexpectedAnswerException("The reply holds more than its entries.");
    }

    private static ReadOnlySpan<byte> AfterLine(ReadOnlySpan<byte> text) => text[(text.IndexOf((byte)'\n') + 1)..];
}
