using OrleansStream.Records;

namespace OrleansStream.Gateway.Reading;

/// <summary>Looks at batches as a log gives them: those of readers, and the log's own, which are not for readers.</summary>
public static class StoredBatches
{
    /// <summary>The batches that readers may see, in as few pieces as they lie in.</summary>
    /// <param name="batches">Whole batches, back to back.</param>
    /// <returns>The pieces; nearly always one.</returns>
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

    /// <summary>The offset behind all of some batches.</summary>
    /// <param name="batches">Whole batches, back to back.</param>
    /// <param name="from">The offset that they were read from.</param>
    public static long NextOffset(ReadOnlySpan<byte> batches, long from)
    {
        var scanner = new RecordBatchScanner(batches, checkCrc: false);
        while (scanner.MoveNext())
            from = Math.Max(from, scanner.Header.BaseOffset + scanner.Header.LastOffsetDelta + 1);
        return from;
    }
}
