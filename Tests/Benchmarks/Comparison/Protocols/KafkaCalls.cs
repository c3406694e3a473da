using System.Buffers.Binary;
using OrleansStream.Comparison.Driving;

namespace OrleansStream.Comparison.Protocols;

/// <summary>The calls of Kafka's protocol that a raw driver makes, in versions that clients of today still send.</summary>
internal static class KafkaCalls
{
    /// <summary>A frame begins with its length, which has so many bytes.</summary>
    public const int LengthFieldBytes = sizeof(int);

    /// <summary>Produce, of version 7.</summary>
    public const short Produce = 0;

    /// <summary>Fetch, of version 4.</summary>
    public const short Fetch = 1;

    /// <summary>Metadata, of version 4.</summary>
    public const short Metadata = 3;

    /// <summary>FindCoordinator, of version 0.</summary>
    public const short FindCoordinator = 10;

    /// <summary>ApiVersions, of any version.</summary>
    public const short ApiVersions = 18;

    private const short ProduceVersion = 7;
    private const short FetchVersion = 4;
    private const short MetadataVersion = 4;
    private const int TimeoutMs = 30_000;

    /// <summary>A produce of one batch.</summary>
    /// <param name="correlationId">What the answer begins with.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="acks">-1 for all, 1, or 0.</param>
    /// <param name="batch">The batch.</param>
    public static byte[] ProduceRequest(int correlationId, string topic, int partition, short acks, ReadOnlySpan<byte> batch) =>
        KafkaFrame.Request(Produce, ProduceVersion, correlationId)
            .Text(null).Int16(acks).Int32(TimeoutMs).Int32(1).Text(topic).Int32(1).Int32(partition).Bytes(batch).ToArray();

    /// <summary>The offset of the first record that was stored.</summary>
    /// <param name="answer">The answer to a produce of one batch, without its length field.</param>
    /// <param name="correlationId">What it must begin with.</param>
    /// <exception cref="UnexpectedAnswerException">It is no success.</exception>
    public static long ReadProduced(ReadOnlySpan<byte> answer, int correlationId)
    {
        var fields = new KafkaFields(answer);
        Require(fields.Int32() == correlationId, "an answer out of turn");
        Require(fields.Int32() == 1, "another count of topics");
        fields.Text();
        Require(fields.Int32() == 1, "another count of partitions");
        fields.Int32();
        var error = fields.Int16();
        Require(error == 0, $"error {error}");
        return fields.Int64();
    }

    /// <summary>A fetch of one partition that waits for its next record.</summary>
    /// <param name="correlationId">What the answer begins with.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="offset">The first offset.</param>
    public static byte[] FetchRequest(int correlationId, string topic, int partition, long offset) =>
        KafkaFrame.Request(Fetch, FetchVersion, correlationId)
            .Int32(-1).Int32(TimeoutMs / 2).Int32(1).Int32(1 << 20).Int8(0)
            .Int32(1).Text(topic).Int32(1).Int32(partition).Int64(offset).Int32(1 << 20).ToArray();

    /// <summary>A fetch of no partition, which is answered at once: a connection that was used.</summary>
    /// <param name="correlationId">What the answer begins with.</param>
    public static byte[] FetchNothingRequest(int correlationId) =>
        KafkaFrame.Request(Fetch, FetchVersion, correlationId).Int32(-1).Int32(0).Int32(0).Int32(1 << 20).Int8(0).Int32(0).ToArray();

    /// <summary>The first offset that was fetched.</summary>
    /// <param name="answer">The answer to a fetch of one partition, without its length field.</param>
    /// <param name="correlationId">What it must begin with.</param>
    /// <returns>-1 when there was nothing.</returns>
    /// <exception cref="UnexpectedAnswerException">It is no success.</exception>
    public static long ReadFetched(ReadOnlySpan<byte> answer, int correlationId)
    {
        var fields = new KafkaFields(answer);
        Require(fields.Int32() == correlationId, "an answer out of turn");
        fields.Int32(); // throttle_time_ms
        Require(fields.Int32() == 1, "another count of topics");
        fields.Text();
        Require(fields.Int32() == 1, "another count of partitions");
        fields.Int32();
        var error = fields.Int16();
        Require(error == 0, $"error {error}");
        fields.Int64(); // high_watermark
        fields.Int64(); // last_stable_offset
        for (var aborted = fields.Int32(); aborted > 0; aborted--)
            fields.Int64();
        var records = fields.Bytes();
        return records.IsEmpty ? -1 : BinaryPrimitives.ReadInt64BigEndian(records);
    }

    /// <summary>Asks for all topics and their partitions.</summary>
    /// <param name="correlationId">What the answer begins with.</param>
    public static byte[] MetadataRequest(int correlationId) =>
        KafkaFrame.Request(Metadata, MetadataVersion, correlationId).Int32(-1).Int8(0).ToArray();

    /// <summary>The partitions that an answer to <see cref="MetadataRequest"/> lists.</summary>
    /// <param name="answer">The answer, without its length field.</param>
    public static int CountPartitions(ReadOnlySpan<byte> answer)
    {
        var fields = new KafkaFields(answer);
        fields.Int32();
        fields.Int32();
        for (var brokers = fields.Int32(); brokers > 0; brokers--)
        {
            fields.Int32();
            fields.Text();
            fields.Int32();
            fields.Text();
        }

        fields.Text();
        fields.Int32();
        var count = 0;
        for (var topics = fields.Int32(); topics > 0; topics--)
        {
            fields.Int16();
            fields.Text();
            fields.Int8();
            for (var partitions = fields.Int32(); partitions > 0; partitions--, count++)
            {
                fields.Int16();
                fields.Int32();
                fields.Int32();
                for (var replicas = fields.Int32(); replicas > 0; replicas--)
                    fields.Int32();
                for (var inSync = fields.Int32(); inSync > 0; inSync--)
                    fields.Int32();
            }
        }

        return count;
    }

    private static void Require(bool isRight, string what)
    {
        if (!isRight)
            throw new UnexpectedAnswerException($"The Kafka endpoint gave {what}.");
    }
}
