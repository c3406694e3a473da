using System.Globalization;

namespace OrleansStream.WebConsole.Calls;

/// <summary>Numbers, sizes and times for people, and names for addresses.</summary>
public static class Text
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

    /// <summary>Groups the digits of a number; none is ever left out.</summary>
    /// <param name="number">The number; null for not known.</param>
    public static string Count(long? number) => number is { } known ? known.ToString("#,0", CultureInfo.InvariantCulture) : "–";

    /// <summary>A number of bytes, to three digits.</summary>
    /// <param name="bytes">The bytes; null for not known.</param>
    public static string Bytes(double? bytes)
    {
        if (bytes is not { } rest)
            return "–";
        var unit = 0;
        while (rest >= 1024 && unit < Units.Length - 1)
        {
            rest /= 1024;
            unit++;
        }

        return unit == 0 ? $"{rest:0} B" : $"{rest.ToString(rest >= 100 ? "0" : rest >= 10 ? "0.#" : "0.##", CultureInfo.InvariantCulture)} {Units[unit]}";
    }

    /// <summary>A rate, to about three digits.</summary>
    /// <param name="perSecond">So many a second; null for not known.</param>
    public static string Rate(double? perSecond) => perSecond switch
    {
        null => "–",
        0 => "0/s",
        >= 100 => $"{Count((long)Math.Round(perSecond.Value))}/s",
        _ => $"{perSecond.Value.ToString("0.##", CultureInfo.InvariantCulture)}/s",
    };

    /// <summary>A time in UTC, with milliseconds.</summary>
    /// <param name="time">The time; null for none.</param>
    public static string Time(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture) ?? "–";

    /// <summary>A stretch of time in words.</summary>
    /// <param name="seconds">Its seconds; null for not known.</param>
    public static string Seconds(double? seconds) => seconds switch
    {
        null => "–",
        < 1 => $"{seconds.Value * 1000:0} ms",
        < 120 => $"{seconds.Value.ToString("0.#", CultureInfo.InvariantCulture)} s",
        < 7_200 => $"{seconds.Value / 60:0} min",
        < 172_800 => $"{seconds.Value / 3_600:0} h",
        _ => $"{seconds.Value / 86_400:0} days",
    };

    /// <summary>A setting's value for people: what a time in milliseconds or a count of bytes means.</summary>
    /// <param name="name">The name of the setting, such as <c>retention.ms</c>.</param>
    /// <param name="value">The value as the service tells it.</param>
    public static string Setting(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!long.TryParse(value, CultureInfo.InvariantCulture, out var number))
            return "";
        if (number == -1)
            return "no limit";
        return name.EndsWith(".ms", StringComparison.Ordinal) ? Seconds(number / 1000.0) : name.EndsWith("bytes", StringComparison.Ordinal) ? Bytes(number) : "";
    }

    /// <summary>Escapes a name for an address.</summary>
    /// <param name="name">The name of a topic, a group or a key.</param>
    public static string Escape(string name) => Uri.EscapeDataString(name);
}
