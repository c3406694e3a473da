using OrleansStream.Comparison.Driving;

namespace OrleansStream.Comparison.Protocols;

/// <summary>Requests that are sent in turn, by whichever connection is free.</summary>
/// <param name="requests">The requests.</param>
internal sealed class RequestList(IReadOnlyList<byte[]> requests)
{
    private int _next;

    /// <summary>The next one; the first again behind the last.</summary>
    public byte[] Take() => requests[_next++ % requests.Count];
}

/// <summary>Sends requests of a list; each must be answered with one offset.</summary>
/// <param name="requests">The list, which connections of one thread share.</param>
internal sealed class ListedRequestsExchange(RequestList requests) : Exchange
{
    private readonly HttpAnswerReader _answer = new();

    /// <inheritdoc/>
    public override int RecordsPerRequest => 1;

    /// <inheritdoc/>
    public override long BytesPerRequest => 0;

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> NextRequests(int requestsMax, out int taken)
    {
        taken = 1;
        return requests.Take();
    }

    /// <inheritdoc/>
    public override int TakeAnswer(ReadOnlySpan<byte> received, out int records, out long bytes)
    {
        (records, bytes) = (1, 0);
        var length = _answer.TryRead(received);
        if (length > 0 && (_answer.Status != 200 || _answer.Body(received).Count("\"offset\":"u8) != 1))
            throw new UnexpectedAnswerException($"Status {_answer.Status}: {System.Text.Encoding.UTF8.GetString(_answer.Body(received))}");
        return length;
    }
}
