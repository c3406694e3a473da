using System.Buffers.Binary;
using OrleansStream.Comparison.Driving;

namespace OrleansStream.Comparison.Protocols;

/// <summary>Produces one batch again and again over Kafka's protocol; each answer must be a success, and come in its turn.</summary>
/// <param name="topic">The topic.</param>
/// <param name="partition">The partition.</param>
/// <param name="acks">-1 for all, 1, or 0.</param>
/// <param name="batch">The batch.</param>
/// <param name="records">Its records.</param>
/// <param name="bytes">Their payload bytes.</param>
/// <param name="window">The most requests under way, each with a number of its own.</param>
internal sealed class KafkaProduceExchange(string topic, int partition, short acks, byte[] batch, int records, long bytes, int window) : Exchange
{
    private readonly byte[][] _requests =
        [.. Enumerable.Range(0, window).Select(number => KafkaCalls.ProduceRequest(number, topic, partition, acks, batch))];

    private int _next;
    private int _answered;

    /// <inheritdoc/>
    public override int RecordsPerRequest => records;

    /// <inheritdoc/>
    public override long BytesPerRequest => bytes;

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> NextRequests(int requestsMax, out int requests)
    {
        requests = 1;
        return _requests[_next++ % window];
    }

    /// <inheritdoc/>
    public override int TakeAnswer(ReadOnlySpan<byte> received, out int recordsTaken, out long bytesTaken)
    {
        (recordsTaken, bytesTaken) = (records, bytes);
        if (received.Length < KafkaCalls.LengthFieldBytes)
            return 0;
        var length = KafkaCalls.LengthFieldBytes + BinaryPrimitives.ReadInt32BigEndian(received);
        if (received.Length < length)
            return 0;
        KafkaCalls.ReadProduced(received[KafkaCalls.LengthFieldBytes..length], _answered++ % window);
        return length;
    }
}
