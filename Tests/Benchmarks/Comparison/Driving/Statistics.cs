namespace OrleansStream.Comparison.Driving;

/// <summary>The few statistics that a page of figures needs.</summary>
internal static class Statistics
{
    /// <summary>The middle value; the mean of the two in the middle of an even count.</summary>
    /// <param name="values">The values, in any order; at least one.</param>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0)
            throw new ArgumentException("Nothing has no median.", nameof(values));
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <summary>The mean.</summary>
    /// <param name="values">The values; at least one.</param>
    public static double Mean(IReadOnlyCollection<double> values) => values.Sum() / values.Count;

    /// <summary>The least value that so large a part of all does not exceed (nearest rank).</summary>
    /// <param name="sorted">The values, rising; at least one.</param>
    /// <param name="part">Above 0, up to 1.</param>
    public static double Percentile(ReadOnlySpan<double> sorted, double part)
    {
        ArgumentOutOfRangeException.ThrowIfZero(sorted.Length);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(part);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(part, 1);
        return sorted[(int)Math.Ceiling(part * sorted.Length) - 1];
    }
}
