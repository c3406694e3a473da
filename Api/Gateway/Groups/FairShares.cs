namespace OrleansStream.Gateway.Groups;

/// <summary>Divides what an answer may hold among partitions that have different amounts.</summary>
internal static class FairShares
{
    /// <summary>Gives each as much as every other, but none more than it has; what is left over goes to those that have more.</summary>
    /// <param name="counts">What each has.</param>
    /// <param name="total">What may be given in all.</param>
    /// <returns>What each gets. When not even one fits for each, the first in order get one.</returns>
    public static int[] Divide(ReadOnlySpan<int> counts, int total)
    {
        var shares = new int[counts.Length];
        var left = total;
        while (left > 0)
        {
            var open = 0;
            for (var i = 0; i < counts.Length; i++)
                open += counts[i] > shares[i] ? 1 : 0;
            if (open == 0)
                break;
            var step = Math.Max(1, left / open);
            for (var i = 0; i < counts.Length && left > 0; i++)
            {
                var given = Math.Min(Math.Min(step, counts[i] - shares[i]), left);
                shares[i] += given;
                left -= given;
            }
        }

        return shares;
    }
}
