using OrleansStream.Client.Consuming;

namespace OrleansStream.Client.Reading;

/// <summary>Where a reader begins.</summary>
public sealed class ReadFrom
{
    private readonly long _value;
    private readonly string _kind;

    private ReadFrom(string kind, long value = 0) => (_kind, _value) = (kind, value);

    /// <summary>At each partition's first record.</summary>
    public static ReadFrom Earliest { get; } = new("earliest");

    /// <summary>Behind each partition's last record.</summary>
    public static ReadFrom Latest { get; } = new("latest");

    /// <summary>At an offset, which each partition that is read must have.</summary>
    /// <param name="offset">The offset.</param>
    public static ReadFrom Offset(long offset) => new("offset", offset);

    /// <summary>At each partition's first record that is dated at or after a time.</summary>
    /// <param name="time">The time; milliseconds count.</param>
    public static ReadFrom Time(DateTimeOffset time) => new("timestamp", time.ToUnixTimeMilliseconds());

    /// <summary>The query that says so.</summary>
    internal string Query => _kind is "earliest" or "latest" ? $"from={_kind}" : $"{_kind}={_value}";
}

/// <summary>The settings of a reader.</summary>
public sealed class ReaderOptions
{
    /// <summary>Where it begins. Default <see cref="ReadFrom.Earliest"/>.</summary>
    public ReadFrom From { get; set; } = ReadFrom.Earliest;

    /// <summary>The partitions that are read. Default null: all.</summary>
    public IReadOnlyList<int>? Partitions { get; set; }

    /// <summary>
    /// True to wait for new records for ever; false to end at what was the end of each partition when it was first asked. Default false.
    /// </summary>
    public bool Follow { get; set; }

    /// <summary>The most bytes that are fetched at a time. Default 1 MiB.</summary>
    public int MaxBytes { get; set; } = 1024 * 1024;

    /// <summary>Checks that each setting is within its bounds.</summary>
    /// <exception cref="ArgumentException">One is not; the message names it.</exception>
    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(From);
        if (MaxBytes is < 1 or > ConsumerLimits.BytesMax)
            throw new ArgumentException($"{nameof(MaxBytes)} of the reader's options must be from 1 to {ConsumerLimits.BytesMax}.", nameof(MaxBytes));
        if (Partitions is { Count: 0 })
            throw new ArgumentException($"{nameof(Partitions)} of the reader's options names no partition.", nameof(Partitions));
    }
}
