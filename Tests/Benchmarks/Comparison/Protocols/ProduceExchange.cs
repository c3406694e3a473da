using System.Text;
using OrleansStream.Comparison.Driving;

namespace OrleansStream.Comparison.Protocols;

/// <summary>Posts one body again and again; each answer must have a result for each of its records.</summary>
/// <param name="request">The request.</param>
/// <param name="records">The records in it.</param>
/// <param name="bytes">Their payload bytes.</param>
/// <param name="mark">What the body of a right answer holds for each of <paramref name="marks"/>; null for any body.</param>
/// <param name="marks">How often.</param>
internal sealed class ProduceExchange(RepeatedRequest request, int records, long bytes, byte[]? mark, int marks) : Exchange
{
    private readonly HttpAnswerReader _answer = new();

    /// <inheritdoc/>
    public override int RecordsPerRequest => records;

    /// <inheritdoc/>
    public override long BytesPerRequest => bytes;

    /// <summary>For a body of JSON records: a result with an offset for each.</summary>
    /// <param name="request">The request.</param>
    /// <param name="records">The records in it.</param>
    /// <param name="bytes">Their payload bytes.</param>
    public static ProduceExchange OfRecords(RepeatedRequest request, int records, long bytes) =>
        new(request, records, bytes, "\"offset\":"u8.ToArray(), records);

    /// <summary>For encoded batches to one partition: one result that counts them.</summary>
    /// <param name="request">The request.</param>
    /// <param name="records">The records in it.</param>
    /// <param name="bytes">Their payload bytes.</param>
    public static ProduceExchange OfBatches(RepeatedRequest request, int records, long bytes) =>
        new(request, records, bytes, records == 1 ? "\"offset\":"u8.ToArray() : Encoding.ASCII.GetBytes($"\"count\":{records}"), 1);

    /// <summary>For a server that only reads.</summary>
    /// <param name="request">The request.</param>
    /// <param name="records">The records in it.</param>
    /// <param name="bytes">Their payload bytes.</param>
    public static ProduceExchange OfAnything(RepeatedRequest request, int records, long bytes) =>
        new(request, records, bytes, null, 0);

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> NextRequests(int requestsMax, out int requests) => request.Take(requestsMax, out requests);

    /// <inheritdoc/>
    public override int TakeAnswer(ReadOnlySpan<byte> received, out int recordsTaken, out long bytesTaken)
    {
        (recordsTaken, bytesTaken) = (records, bytes);
        var length = _answer.TryRead(received);
        if (length == 0)
            return 0;
        var body = _answer.Body(received);
        if (_answer.Status != 200 || (mark is not null && body.Count(mark) != marks))
        {
            throw new UnexpectedAnswerException(
                $"Status {_answer.Status} with {(mark is null ? 0 : body.Count(mark))} of {marks} results: {Encoding.UTF8.GetString(body[..Math.Min(300, body.Length)])}");
        }

        return length;
    }
}
