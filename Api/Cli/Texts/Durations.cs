using System.Globalization;

namespace OrleansStream.Cli.Texts;

/// <summary>Durations as people write them: a number and a unit, such as <c>30s</c>.</summary>
internal static class Durations
{
    /// <summary>What is allowed, for errors and help.</summary>
    public const string Allowed = "a number with a unit: 500ms, 30s, 2m or 1h";

    private static readonly (string Name, TimeSpan Length)[] Units =
    [
        ("ms", TimeSpan.FromMilliseconds(1)), ("s", TimeSpan.FromSeconds(1)), ("m", TimeSpan.FromMinutes(1)), ("h", TimeSpan.FromHours(1)),
    ];

    /// <summary>Reads a duration, from nothing up to a bound.</summary>
    /// <param name="text">What was typed: digits and a unit, without a sign.</param>
    /// <param name="option">Its option, for the error.</param>
    /// <param name="max">The longest that is allowed.</param>
    /// <exception cref="ArgumentException">It is none, or too long.</exception>
    public static TimeSpan Parse(string text, string option, TimeSpan max)
    {
        foreach (var (name, length) in Units)
        {
            var digits = text.EndsWith(name, StringComparison.Ordinal) ? text[..^name.Length] : "";
            if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count))
                continue;
            return count <= max / length
                ? count * length
                : throw new ArgumentException($"{option} must be at most {TextOf(max)}, and not '{text}'.");
        }

        throw new ArgumentException($"{option} must be {Allowed}; and not '{text}'.");
    }

    /// <summary>Writes a duration in the largest unit of which it is a multiple, such as <c>2m</c>.</summary>
    /// <param name="duration">The duration; whole milliseconds count.</param>
    public static string TextOf(TimeSpan duration)
    {
        var (name, length) = Array.FindLast(Units, unit => duration.Ticks % unit.Length.Ticks == 0 && duration >= unit.Length);
        return name is null ? $"{duration.TotalMilliseconds:F0}ms" : $"{duration / length:F0}{name}";
    }
}
