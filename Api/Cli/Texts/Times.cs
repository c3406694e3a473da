using System.Globalization;
using System.Text;
using OrleansStream.Contracts;

namespace OrleansStream.Cli.Texts;

/// <summary>Times as people write them: RFC 3339, a date, milliseconds since 1970, or how long ago.</summary>
internal static class Times
{
    /// <summary>What is allowed, for errors and help.</summary>
    public const string Allowed = "a time such as 2026-06-11T17:00:00Z, 2026-06-11, @1781197200000 (milliseconds since 1970) or -90s, -15m, -1h, -2d (before now)";

    private const string DateFormat = "yyyy-MM-dd";
    private const string MinuteFormat = "yyyy-MM-ddTHH:mm";
    private const string SecondFormat = "yyyy-MM-ddTHH:mm:ss";

    /// <summary>Reads a time. One without an offset is in UTC.</summary>
    /// <param name="text">The text; it may begin with <c>@</c>.</param>
    /// <param name="now">What times before now are counted from.</param>
    /// <param name="time">The time that is meant; the default when none is.</param>
    /// <returns>False when it is none.</returns>
    public static bool TryParse(string text, DateTimeOffset now, out DateTimeOffset time)
    {
        var isMarked = text.StartsWith('@');
        var plain = isMarked ? text[1..] : text;
        if (isMarked && long.TryParse(plain, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
            && milliseconds <= TimestampText.MsMax)
        {
            time = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
            return true;
        }

        if (TryParseAgo(plain, out var seconds) && seconds < (now - DateTimeOffset.UnixEpoch).TotalSeconds)
        {
            time = now.AddSeconds(-seconds);
            return true;
        }

        if (TimestampText.TryRead(Encoding.UTF8.GetBytes(plain), out var timestampMs))
        {
            time = DateTimeOffset.FromUnixTimeMilliseconds(timestampMs);
            return true;
        }

        return DateTimeOffset.TryParseExact(
            plain, [DateFormat, MinuteFormat, SecondFormat], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);
    }

    private static bool TryParseAgo(string text, out double seconds)
    {
        seconds = 0;
        if (text.Length < 3 || text[0] != '-')
            return false;
        if (!int.TryParse(text.AsSpan(1, text.Length - 2), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            return false;
        TimeSpan? unit = text[^1] switch
        {
            's' => TimeSpan.FromSeconds(1),
            'm' => TimeSpan.FromMinutes(1),
            'h' => TimeSpan.FromHours(1),
            'd' => TimeSpan.FromDays(1),
            _ => null,
        };
        seconds = count * unit.GetValueOrDefault().TotalSeconds;
        return unit is not null;
    }
}
