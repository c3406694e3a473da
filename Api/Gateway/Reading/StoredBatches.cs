using OrleansStream.Records;

namespace OrleansStream.Gateway.Reading;

/// <summary>
/// Helpers for the batches that a log returns: batches with records, and control batches of the log itself, which readers must not see.
/// </summary>
public static class StoredBatches
{
    /// <summary>Selects the batches that readers may see. Adjacent ones stay together in one piece.</summary>
    /// <param name="batches">Whole batches, back to back.</param>
    /// <returns>The pieces, in order; nearly always one.</returns>
    public static IReadOnlyList<ReadOnlyMemory<byte>> VisibleIn(ReadOnlyMemory<byte> batches)
    {
        List<ReadOnlyMemory<byte>>? pieces = null;
        var start = 0;
        var scanner = new RecordBatchScanner(batches.Span, checkCrc: false);
        while (scanner.MoveNext())
        {
            if (!scanner.Header.IsControl)
                continue;
            pieces ??= [];
            if (scanner.Position > start)
                pieces.Add(batches[start..scanner.Position]);
            start = scanner.NextPosition;
        }

        if (pieces is null)
            return scanner.NextPosition == 0 ? [] : [batches[..scanner.NextPosition]];
        if (scanner.NextPosition > start)
            pieces.Add(batches[start..scanner.NextPosition]);
        return pieces;
    }

    /// <summary>Computes the offset behind the last of some batches.</summary>
    /// <param name="batches">Whole batches, back to back.</param>
    /// <param name="from">The offset that the batches were read from; it is the result when there are none.</param>
    public static long NextOffset(ReadOnlySpan<byte> batches, long from)
    {
        var scanner = new RecordBatchScanner(batches, checkCrc: false);
        while (scanner.MoveNext())
            from = Math.Max(from, scanner.Header.BaseOffset + scanner.Header.LastOffsetDelta + 1);
        return from;
    }
}
