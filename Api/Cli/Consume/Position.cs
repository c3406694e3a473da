using System.Globalization;
using OrleansStream.Cli.Texts;

namespace OrleansStream.Cli.Consume;

/// <summary>A kind of place in a topic.</summary>
internal enum PositionKind
{
    /// <summary>Each partition's first record.</summary>
    Beginning,

    /// <summary>Behind each partition's last record.</summary>
    End,

    /// <summary>The same offset in every partition that is read.</summary>
    Offset,

    /// <summary>So many records before each partition's end.</summary>
    BeforeEnd,

    /// <summary>The first record that is dated at or after a time.</summary>
    Time,
}

/// <summary>A place in a topic, as people write it.</summary>
/// <param name="Kind">Which of the other two says where.</param>
/// <param name="Value">The offset, at least 0, or the count of records, at least 1; 0 for other kinds.</param>
/// <param name="At">The time, where the kind is one.</param>
internal readonly record struct Position(PositionKind Kind, long Value = 0, DateTimeOffset At = default)
{
    /// <summary>What is allowed, for errors and help.</summary>
    public const string Allowed = $"beginning, end, an offset, -N (the last N of each partition), or {Times.Allowed}";

    /// <summary>Reads a place.</summary>
    /// <param name="text">What was typed, in a form of <see cref="Allowed"/>.</param>
    /// <param name="option">Its option, for the error.</param>
    /// <param name="now">What times before now are counted from.</param>
    /// <exception cref="ArgumentException">It is none.</exception>
    public static Position Parse(string text, string option, DateTimeOffset now)
    {
        if (text is "beginning" or "earliest" or "start")
            return new Position(PositionKind.Beginning);
        if (text is "end" or "latest")
            return new Position(PositionKind.End);
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && text[0] != '+')
            return number < 0 ? new Position(PositionKind.BeforeEnd, -number) : new Position(PositionKind.Offset, number);
        return Times.TryParse(text, now, out var time)
            ? new Position(PositionKind.Time, At: time)
            : throw new ArgumentException($"{option} must be {Allowed}; and not '{text}'.");
    }
}
