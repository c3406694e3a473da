using System.Buffers.Binary;

namespace OrleansStream.Producers;

/// <summary>Who uses a producer id. The range of the id tells.</summary>
public enum ProducerIdKind
{
    /// <summary>The id was never given out: it is another cluster's, or invented.</summary>
    Foreign,

    /// <summary>The id is for callers. <see cref="IProducerIdGrain"/> gives it out.</summary>
    Client,

    /// <summary>The id is for the service's own appends, and never for callers. <see cref="IServiceProducerIdGrain"/> gives it out.</summary>
    Service,

    /// <summary>The id is derived from the record that a batch copies; it is never given out.</summary>
    Derived,
}

/// <summary>
/// The ranges of producer ids. Readers see the ids of all producers in the batches that they fetch, so knowing an id must be harmless. Therefore
/// callers may only use ids of <see cref="ProducerIdKind.Client"/>, and cannot disturb the service's own appends.
/// </summary>
/// <remarks>
/// Older versions took the service's own ids from the clients' counter. Those ids still count as clients' ids, and what is stored under them is read
/// as before, but the service no longer uses them.
/// </remarks>
public static class ProducerIdRanges
{
    /// <summary>The first of the clients' ids, far above the ids of other clusters. All ids that will ever be given out fit into a double.</summary>
    public const long ClientMin = 1L << 40;

    /// <summary>The first of the service's own ids. The clients' counter would need a thousand million years to reach it.</summary>
    public const long ServiceMin = 1L << 61;

    /// <summary>The first of the derived ids; all ids from here on are derived.</summary>
    public const long DerivedMin = 1L << 62;

    /// <summary>The kind of an id.</summary>
    /// <param name="producerId">The id.</param>
    public static ProducerIdKind KindOf(long producerId) => producerId switch
    {
        >= DerivedMin => ProducerIdKind.Derived,
        >= ServiceMin => ProducerIdKind.Service,
        >= ClientMin => ProducerIdKind.Client,
        _ => ProducerIdKind.Foreign,
    };

    /// <summary>True for a derived id, which only the service itself can have given to a batch.</summary>
    /// <param name="producerId">The id.</param>
    public static bool IsDerived(long producerId) => KindOf(producerId) == ProducerIdKind.Derived;

    /// <summary>The producer id of a copy, which has epoch 0 and sequence 0. Every repeat of the copy has this id, and nothing else has it.</summary>
    /// <param name="digest">A cryptographic digest of what is copied; its first eight bytes are used.</param>
    /// <remarks>The id has 62 bits of the digest. With a million copies a day, two of them have the same id once in ten million days.</remarks>
    public static long Derive(ReadOnlySpan<byte> digest) =>
        DerivedMin | (BinaryPrimitives.ReadInt64BigEndian(digest) & (DerivedMin - 1));
}
