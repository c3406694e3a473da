namespace OrleansStream.Api.Mapping;

/// <summary>Writes timestamps as RFC 3339 in UTC with milliseconds, such as <c>2026-06-11T19:20:00.000Z</c>.</summary>
internal static class TimestampText
{
    /// <summary>The length of every such text, in bytes.</summary>
    public const int LengthBytes = 24;

    private const long MsMax = 253_402_300_799_999;

    /// <summary>Writes a timestamp.</summary>
    /// <param name="timestampMs">Milliseconds since the Unix epoch.</param>
    /// <param name="destination">At least <see cref="LengthBytes"/> long.</param>
    /// <returns>False, with nothing written, when the time is none that RFC 3339 has a text for.</returns>
    public static bool TryWrite(long timestampMs, Span<byte> destination)
    {
        if (timestampMs is < 0 or > MsMax)
            return false;
        DateTime time = DateTime.UnixEpoch.AddMilliseconds(timestampMs);
        time.Deconstruct(out DateOnly date, out _);
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

    private static void Digits(Span<byte> destination, int number)
    {
        for (int i = destination.Length - 1; i >= 0; i--)
        {
            destination[i] = (byte)('0' + number % 10);
            number /= 10;
        }
    }
}
