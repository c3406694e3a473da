using OrleansStream.Client.Records;

namespace OrleansStream.Client.Producing;

/// <summary>A record to be sent.</summary>
/// <typeparam name="T">The type of its value.</typeparam>
/// <param name="Key">
/// Records with equal keys go to one partition and keep their order. Null: any partition, unless <see cref="KeyBytes"/> is set.
/// </param>
/// <param name="Value">The value; null for a tombstone. A value that is bytes must not change before the call that takes it has ended.</param>
public readonly record struct OutgoingRecord<T>(string? Key, T? Value)
{
    /// <summary>The key where it is not text, in place of <see cref="Key"/>.</summary>
    public ReadOnlyMemory<byte>? KeyBytes { get; init; }

    /// <summary>Small annotations beside the value, in order; null for none. At most <see cref="ProducerLimits.HeadersMax"/>.</summary>
    public IReadOnlyList<StreamHeader>? Headers { get; init; }

    /// <summary>When it happened, from 1970 on; null for now. The service keeps milliseconds.</summary>
    public DateTimeOffset? Timestamp { get; init; }

    /// <summary>The partition to store it in, before the key's choice; null for that choice.</summary>
    public int? Partition { get; init; }

    /// <summary>True for a record without a value, which deletes its key. It is needed where <typeparamref name="T"/> cannot be null.</summary>
    public bool IsTombstone { get; init; }
}
