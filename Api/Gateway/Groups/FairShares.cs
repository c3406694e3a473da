namespace OrleansStream.Gateway.Groups;

/// <summary>Divides the room of an answer among partitions that have different counts of records.</summary>
internal static class FairShares
{
    /// <summary>Gives all the same share, but none more than it has. What is left over goes to those that have more.</summary>
    /// <param name="counts">The count of each.</param>
    /// <param name="total">The total that may be given.</param>
    /// <returns>The share of each. If the total is less than one for each, the first in order get one.</returns>
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
