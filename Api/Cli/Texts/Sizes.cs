namespace OrleansStream.Cli.Texts;

/// <summary>Counts and sizes as people read them.</summary>
internal static class Sizes
{
    private const double Step = 1024;

    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

    /// <summary>A length in bytes, such as <c>88.0 KiB</c>.</summary>
    /// <param name="bytes">The length; null stays null.</param>
    public static string? Bytes(double? bytes)
    {
        if (bytes is not { } value)
            return null;
        var unit = 0;
        for (; value >= Step && unit < Units.Length - 1; unit++)
            value /= Step;
        return unit == 0 ? $"{value:F0} B" : $"{value:F1} {Units[unit]}";
    }

    /// <summary>A count of records, such as <c>1 record</c> or <c>1,208 records</c>.</summary>
    public static string Records(long count) => count == 1 ? "1 record" : $"{count:N0} records";

    /// <summary>A count of partitions.</summary>
    public static string Partitions(int count) => count == 1 ? "1 partition" : $"{count:N0} partitions";
}
