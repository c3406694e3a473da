using System.Buffers.Binary;

namespace OrleansStream.Producers;

/// <summary>Bounds of producers' identities.</summary>
public static class ProducerLimits
{
    /// <summary>The first id that is given out: far above those of other clusters, whose batches may be brought here as they are.</summary>
    public const long IdMin = 1L << 40;

    /// <summary>The ids given out at once, so that a node asks seldom (Kafka's blocks have as many).</summary>
    public const int IdsPerBlock = 1_000;

    /// <summary>The grains that share the clients' producers among them, each with a document of its own.</summary>
    public const int RegistersCount = 64;

    /// <summary>The producers one of them keeps; beyond it new ones are refused until older ones expire.</summary>
    public const int ProducersPerRegisterMax = 4_096;

    /// <summary>How long a producer is kept whose epoch is not raised (Kafka's <c>transactional.id.expiration.ms</c>); it may go on producing then.</summary>
    public static readonly TimeSpan RegistrationAge = TimeSpan.FromDays(7);

    /// <summary>
    /// The first of the ids that are never given out but follow from what a batch is a copy of: all from here on. The counter of
    /// <see cref="IProducerIdGrain"/> would need a thousand million years to come here.
    /// </summary>
    public const long DerivedIdMin = 1L << 62;

    /// <summary>True for the id of a copy that the service made. Such ids are never given to callers, nor taken from them.</summary>
    /// <param name="id">A producer id.</param>
    public static bool IsDerived(long id) => id >= DerivedIdMin;

    /// <summary>The id of the one producer of a copy, epoch 0 and sequence 0: every repeat of the copy has it, and nothing else.</summary>
    /// <param name="digest">A cryptographic digest of what it is a copy of; its first eight bytes are used.</param>
    /// <remarks>62 bits of a digest: among a million copies in a day, two have the same id once in ten million days.</remarks>
    public static long DeriveId(ReadOnlySpan<byte> digest) =>
        DerivedIdMin | (BinaryPrimitives.ReadInt64BigEndian(digest) & (DerivedIdMin - 1));
}
