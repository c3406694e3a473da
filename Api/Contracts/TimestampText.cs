namespace OrleansStream.Contracts;

/// <summary>
/// Writes timestamps as RFC 3339 in UTC with milliseconds, such as <c>2026-06-11T19:20:00.000Z</c>, and reads whatever RFC 3339 allows.
/// </summary>
public static class TimestampText
{
    /// <summary>The length of every such text, in bytes.</summary>
    public const int LengthBytes = 24;

    /// <summary>The last time there is a text for, in milliseconds since the Unix epoch: the end of the year 9999.</summary>
    public const long MsMax = 253_402_300_799_999;

    // The length of a text up to its seconds.
    private const int TimeLengthBytes = 19;

    /// <summary>Writes a timestamp.</summary>
    /// <param name="timestampMs">Milliseconds since the Unix epoch.</param>
    /// <param name="destination">At least <see cref="LengthBytes"/> long.</param>
    /// <returns>False, with nothing written, when RFC 3339 has no text for the time.</returns>
    public static bool TryWrite(long timestampMs, Span<byte> destination)
    {
        if (timestampMs is < 0 or > MsMax)
            return false;
        var time = DateTime.UnixEpoch.AddMilliseconds(timestampMs);
        time.Deconstruct(out var date, out _);
        Digits(destination[..4], date.Year);
        destination[4] = (byte)'-';
        Digits(destination[5..7], date.Month);
        destination[7] = (byte)'-';
        Digits(destination[8..10], date.Day);
        destination[10] = (byte)'T';
        Digits(destination[11..13], time.Hour);
        destination[13] = (byte)':';
        Digits(destination[14..16], time.Minute);
        destination[16] = (byte)':';
        Digits(destination[17..19], time.Second);
        destination[19] = (byte)'.';
        Digits(destination[20..23], time.Millisecond);
        destination[23] = (byte)'Z';
        return true;
    }

    /// <summary>Reads a timestamp: the letters in either case, any count of digits of a second, any offset, and a leap second.</summary>
    /// <remarks>
    /// A leap second (RFC 3339, 5.7) is the last of a month in UTC. The Unix epoch does not count it, so it is the first second of the next day.
    /// </remarks>
    /// <param name="text">The text.</param>
    /// <param name="timestampMs">Milliseconds since the Unix epoch; smaller fractions are cut off.</param>
    /// <returns>False when it is no RFC 3339 time, or one before 1970 or after 9999.</returns>
    public static bool TryRead(ReadOnlySpan<byte> text, out long timestampMs)
    {
        timestampMs = 0;
        if (text.Length < TimeLengthBytes || text[4] != '-' || text[7] != '-' || (text[10] | 0x20) != 't' || text[13] != ':' || text[16] != ':')
            return false;
        var year = Number(text[..4]);
        var month = Number(text[5..7]);
        var day = Number(text[8..10]);
        var hour = Number(text[11..13]);
        var minute = Number(text[14..16]);
        var second = Number(text[17..19]);
        if (year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month)
            || hour is < 0 or > 23 || minute is < 0 or > 59 || second is < 0 or > 60
            || !TryReadFraction(ref text, out var milliseconds) || !TryReadOffset(text, out var offsetMinutes))
        {
            return false;
        }

        var time = new DateTime(year, month, day, hour, minute, 0, DateTimeKind.Utc);
        var seconds = (time.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerSecond - offsetMinutes * 60L + second;
        timestampMs = seconds * 1000 + milliseconds;
        return timestampMs is >= 0 and <= MsMax && (second < 60 || IsStartOfMonth(seconds));
    }

    // The position behind the seconds. The rest of the text, after a fraction, is the offset.
    private static bool TryReadFraction(ref ReadOnlySpan<byte> text, out int milliseconds)
    {
        milliseconds = 0;
        text = text[TimeLengthBytes..];
        if (text.IsEmpty || text[0] != '.')
            return true;
        var digits = text[1..].IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        if (digits <= 0)
            return false;
        for (var i = 1; i <= 3; i++)
            milliseconds = milliseconds * 10 + (i <= digits ? text[i] - '0' : 0);
        text = text[(1 + digits)..];
        return true;
    }

    private static bool TryReadOffset(ReadOnlySpan<byte> text, out int minutes)
    {
        minutes = 0;
        if (text.Length == 1)
            return (text[0] | 0x20) == 'z';
        if (text.Length != 6 || text[0] is not ((byte)'+' or (byte)'-') || text[3] != ':')
            return false;
        var hour = Number(text[1..3]);
        var minute = Number(text[4..]);
        minutes = (hour * 60 + minute) * (text[0] == '-' ? -1 : 1);
        return hour is >= 0 and <= 23 && minute is >= 0 and <= 59;
    }

    private static bool IsStartOfMonth(long seconds)
    {
        var time = DateTime.UnixEpoch.AddSeconds(seconds);
        return time is { Day: 1, TimeOfDay.Ticks: 0 };
    }

    // Returns -1 when the text has anything but digits.
    private static int Number(ReadOnlySpan<byte> digits)
    {
        var number = 0;
        foreach (var digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'9')
                return -1;
            number = number * 10 + digit - '0';
        }

        return number;
    }

    private static void Digits(Span<byte> destination, int number)
    {
        for (var i = destination.Length - 1; i >= 0; i--)
        {
            destination[i] = (byte)('0' + number % 10);
            number /= 10;
        }
    }
}
