using System.Text.Json;

namespace OrleansStream.Client.Administration;

/// <summary>Where a group's offsets shall be.</summary>
public sealed class GroupPosition
{
    private readonly string _to;
    private readonly (string Name, long Value)? _value;

    private GroupPosition(string to, (string Name, long Value)? value = null) => (_to, _value) = (to, value);

    /// <summary>At each partition's first record.</summary>
    public static GroupPosition Earliest { get; } = new("earliest");

    /// <summary>Behind each partition's last record.</summary>
    public static GroupPosition Latest { get; } = new("latest");

    /// <summary>At the first record that is dated at or after a time.</summary>
    /// <param name="time">The time; milliseconds count.</param>
    public static GroupPosition At(DateTimeOffset time) => new("timestamp", ("timestamp", time.ToUnixTimeMilliseconds()));

    /// <summary>At an offset, or the end of the log that is nearest.</summary>
    /// <param name="offset">The next offset to be read.</param>
    public static GroupPosition Offset(long offset) => new("offset", ("offset", offset));

    /// <summary>From where the group is.</summary>
    /// <param name="records">So many records forward, or back when it is below 0.</param>
    public static GroupPosition Shift(long records) => new("shift", ("by", records));

    /// <summary>Writes the position into a request.</summary>
    /// <param name="json">The request's object.</param>
    internal void Write(Utf8JsonWriter json)
    {
        json.WriteString("to"u8, _to);
        if (_value is { } value)
            json.WriteNumber(value.Name, value.Value);
    }
}
