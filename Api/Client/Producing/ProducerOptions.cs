using OrleansStream.Client.Connections;

namespace OrleansStream.Client.Producing;

/// <summary>How a batch's records are compressed. The service stores them as they come, and readers take any.</summary>
public enum Compression
{
    /// <summary>Not at all.</summary>
    None = 0,

    /// <summary>RFC 1952: slow, and every reader has it.</summary>
    Gzip = 1,

    /// <summary>Snappy, framed as Java's snappy library does.</summary>
    Snappy = 2,

    /// <summary>LZ4: the fastest.</summary>
    Lz4 = 3,

    /// <summary>Zstandard (RFC 8878): the best ratio for its speed.</summary>
    Zstd = 4,
}

/// <summary>What an answer to a send means.</summary>
public enum Acknowledgement
{
    /// <summary>The records are durable.</summary>
    All,

    /// <summary>The records are ordered in the leader's memory; a crash may lose them.</summary>
    Leader,
}

/// <summary>The settings of a producer.</summary>
public sealed class ProducerOptions
{
    /// <summary>A batch of this size is sent, in bytes before compression. Default 256 KiB. A larger record makes a batch by itself.</summary>
    public int BatchSize { get; set; } = 256 * 1024;

    /// <summary>
    /// How long a record waits for others to share its request. Default 0: it is sent at once, but while a request of its partition is under way
    /// records gather for the next.
    /// </summary>
    public TimeSpan Linger { get; set; } = TimeSpan.Zero;

    /// <summary>How batches are compressed. Default <see cref="Compression.None"/>.</summary>
    public Compression Compression { get; set; }

    /// <summary>The codec's own level: gzip 0 to 9, LZ4 0 and 3 to 12, Zstandard 1 to 22. Default null: the codec's own.</summary>
    public int? CompressionLevel { get; set; }

    /// <summary>When a send is answered. Default <see cref="Acknowledgement.All"/>.</summary>
    public Acknowledgement Acks { get; set; } = Acknowledgement.All;

    /// <summary>How many tries follow the first when one fails or has no answer. Default 5. Repeats are stored once.</summary>
    public int Retries { get; set; } = ConnectionLimits.RetriesDefault;

    /// <summary>The wait before the second try. Default 100 ms. Each further wait is twice as long, up to 10 s, and varies at random.</summary>
    /// <remarks>With <see cref="DeliveryTimeout"/>, where no count ends the tries, a shorter one than 10 ms counts as 10 ms.</remarks>
    public TimeSpan RetryBackoff { get; set; } = ConnectionLimits.BackoffDefault;

    /// <summary>
    /// How long it may take until it is known what became of a record, in place of <see cref="Retries"/>, up to
    /// <see cref="ProducerLimits.DeliveryTimeoutMax"/>: a producer that is to outlast a restart of the service sets it. As Kafka's
    /// <c>delivery.timeout.ms</c> (KIP-91) it counts from when the record was taken: the <see cref="Linger"/>, the wait behind earlier records and all
    /// tries are in it, the wait for memory is not. The records of a batch have the time of its first one. No try follows when the service asks for
    /// a longer wait than is left. It is longer than <see cref="Linger"/>. Default null: the count of tries rules.
    /// </summary>
    public TimeSpan? DeliveryTimeout { get; set; }

    /// <summary>
    /// True to have no holes in a partition: once a record of it is not stored, or not known to be, no later one of that partition is sent. Each of
    /// these fails with <c>GAPLESS_GUARANTEE</c>; another producer begins anew. It needs <see cref="Acknowledgement.All"/>: a server that dies loses what
    /// is in its memory only. Default false: later records are sent, as Kafka's producers do.
    /// </summary>
    public bool Gapless { get; set; }

    /// <summary>
    /// The most memory for records that are not stored yet, in bytes. Default 32 MiB. When it is taken, sends wait until an eighth of it is free.
    /// </summary>
    public long BufferBytes { get; set; } = 32 * 1024 * 1024;

    /// <summary>Checks that each setting is within its bounds.</summary>
    /// <exception cref="ArgumentException">One is not; the message names it.</exception>
    internal void Validate()
    {
        Check(BatchSize is >= 1 and <= ProducerLimits.BatchBytesMax, nameof(BatchSize), $"from 1 to {ProducerLimits.BatchBytesMax} bytes");
        Check(Linger >= TimeSpan.Zero && Linger <= ProducerLimits.LingerMax, nameof(Linger), $"from 0 to {ProducerLimits.LingerMax}");
        Check(Enum.IsDefined(Compression), nameof(Compression), "a codec");
        Check(IsLevelOf(Compression, CompressionLevel), nameof(CompressionLevel), $"a level of {Compression}");
        Check(Enum.IsDefined(Acks), nameof(Acks), "All or Leader");
        Check(!Gapless || Acks == Acknowledgement.All, nameof(Gapless), "false unless Acks is All");
        Check(Retries is >= 0 and <= ConnectionLimits.RetriesMax, nameof(Retries), $"from 0 to {ConnectionLimits.RetriesMax}");
        Check(
            DeliveryTimeout is null || (DeliveryTimeout > Linger && DeliveryTimeout <= ProducerLimits.DeliveryTimeoutMax),
            nameof(DeliveryTimeout),
            $"longer than {nameof(Linger)}, and at most {ProducerLimits.DeliveryTimeoutMax}");
        Check(RetryBackoff >= TimeSpan.Zero && RetryBackoff <= ConnectionLimits.BackoffMax, nameof(RetryBackoff), $"from 0 to {ConnectionLimits.BackoffMax}");
        Check(BufferBytes >= ProducerLimits.BufferBytesMin, nameof(BufferBytes), $"at least {ProducerLimits.BufferBytesMin} bytes");
    }

    private static bool IsLevelOf(Compression codec, int? level) => level is not { } asked || codec switch
    {
        Compression.Gzip => asked is >= 0 and <= 9,
        Compression.Lz4 => asked is 0 or (>= 3 and <= 12),
        Compression.Zstd => asked is >= 1 and <= 22,
        _ => true,
    };

    private static void Check(bool isRight, string name, string allowed)
    {
        if (!isRight)
            throw new ArgumentException($"{name} of the producer's options must be {allowed}.", name);
    }
}
