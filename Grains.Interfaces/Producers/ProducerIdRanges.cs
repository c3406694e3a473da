using System.Buffers.Binary;

namespace OrleansStream.Producers;

/// <summary>Whose a producer id is, told by the range it lies in.</summary>
public enum ProducerIdKind
{
    /// <summary>Never given out: another cluster's, or invented.</summary>
    Foreign,

    /// <summary>For callers: given out by <see cref="IProducerIdGrain"/>.</summary>
    Client,

    /// <summary>For the service's own appends: given out by <see cref="IServiceProducerIdGrain"/>, and never to callers.</summary>
    Service,

    /// <summary>Worked out from what a batch is a copy of; never given out.</summary>
    Derived,
}

/// <summary>
/// The ranges that tell producer ids apart. Readers see the ids of everybody in the batches they fetch, so to know one must be harmless: a caller
/// may name ids of <see cref="ProducerIdKind.Client"/> only, and no caller can disturb an append of the service's own.
/// </summary>
/// <remarks>
/// Older versions took the service's own ids from the clients' counter. They stay clients' ids, and what is stored under them is read as it is; the
/// service does not use them any more.
/// </remarks>
public static class ProducerIdRanges
{
    /// <summary>The first of the clients' ids: far above those of other clusters. Those given out in any thinkable time fit a double.</summary>
    public const long ClientMin = 1L << 40;

    /// <summary>The first of the service's own ids. The clients' counter would need a thousand million years to come here.</summary>
    public const long ServiceMin = 1L << 61;

    /// <summary>The first of the derived ids: all from here on.</summary>
    public const long DerivedMin = 1L << 62;

    /// <summary>Whose an id is.</summary>
    /// <param name="producerId">The id.</param>
    public static ProducerIdKind KindOf(long producerId) => producerId switch
    {
        >= DerivedMin => ProducerIdKind.Derived,
        >= ServiceMin => ProducerIdKind.Service,
        >= ClientMin => ProducerIdKind.Client,
        _ => ProducerIdKind.Foreign,
    };

    /// <summary>True for an id that only the service itself can have given a batch: it is worked out from what the batch is a copy of.</summary>
    /// <param name="producerId">The id.</param>
    public static bool IsDerived(long producerId) => KindOf(producerId) == ProducerIdKind.Derived;

    /// <summary>The id of the one producer of a copy, epoch 0 and sequence 0: every repeat of the copy has it, and nothing else.</summary>
    /// <param name="digest">A cryptographic digest of what it is a copy of; its first eight bytes are used.</param>
    /// <remarks>62 bits of a digest: among a million copies in a day, two have the same id once in ten million days.</remarks>
    public static long Derive(ReadOnlySpan<byte> digest) =>
        DerivedMin | (BinaryPrimitives.ReadInt64BigEndian(digest) & (DerivedMin - 1));
}
