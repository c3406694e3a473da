using OrleansStream.Client.Records;

namespace OrleansStream.Client.Consuming;

/// <summary>A record where it lies in a poll's answer. It is valid until the next poll.</summary>
internal readonly record struct PolledRecord
{
    /// <summary>Where it is stored.</summary>
    public required RecordPlace Place { get; init; }

    /// <summary>Its time, in milliseconds since the Unix epoch; null for none.</summary>
    public long? TimestampMs { get; init; }

    /// <summary>The key's bytes, which stay valid; null for none.</summary>
    public ReadOnlyMemory<byte>? Key { get; init; }

    /// <summary>The value's bytes; null for a tombstone.</summary>
    public ReadOnlyMemory<byte>? Value { get; init; }

    /// <summary>Its headers; null for none.</summary>
    public IReadOnlyList<StreamHeader>? Headers { get; init; }

    /// <summary>Which attempt this is, from 1.</summary>
    public int Attempt { get; init; }

    /// <summary>Where it came from, if it failed before and waited elsewhere.</summary>
    public RecordPlace? Origin { get; init; }

    /// <summary>Why it and those behind it up to <see cref="LastOffset"/> cannot be read; null for a record.</summary>
    public string? Unreadable { get; init; }

    /// <summary>The last of the offsets that cannot be read.</summary>
    public long LastOffset { get; init; }

    /// <summary>The next offset to read when this is done with.</summary>
    public long NextOffset => (Unreadable is null ? Place.Offset : LastOffset) + 1;
}
