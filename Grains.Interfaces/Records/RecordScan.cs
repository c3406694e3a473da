using System.Runtime.CompilerServices;

namespace OrleansStream.Records;

/// <summary>
/// Checks the framing of all records of a batch in one pass over their numbers: keys, values and headers are stepped over, and nothing is made
/// of them. It says only that all is well, or not; <see cref="RecordBatchReader"/> tells what is wrong.
/// </summary>
internal static class RecordScan
{
    private const int NoBytes = -1, HeaderBytesMin = 2;

    /// <summary>Checks records.</summary>
    /// <param name="records">The records, not compressed, and nothing else.</param>
    /// <param name="header">Their batch's header.</param>
    /// <param name="summary">What they hold, when they are sound.</param>
    /// <returns>
    /// True when there are as many as the header says, at least one; each is as long as it says, has no attributes, is at the offset behind the
    /// one before, and has a time that 64 bits can say; and no byte is left over.
    /// </returns>
    public static bool TryScan(ReadOnlySpan<byte> records, in RecordBatchHeader header, out RecordBatchSummary summary)
    {
        summary = default;
        long deltaMin = long.MaxValue, deltaMax = long.MinValue;
        int count = header.RecordCount;
        int position = 0;
        for (int i = 0; i < count; i++)
        {
            if (!Varint.TryRead(records, ref position, out int length) || length < RecordLimits.RecordBytesMin - 1
                || length > records.Length - position || !TryScanRecord(records.Slice(position, length), i, out long delta))
            {
                return false;
            }

            deltaMin = Math.Min(deltaMin, delta);
            deltaMax = Math.Max(deltaMax, delta);
            position += length;
        }

        if (count == 0 || position != records.Length)
            return false;
        if (header.TimestampType == TimestampType.LogAppendTime)
        {
            summary = new RecordBatchSummary(count, header.MaxTimestamp, header.MaxTimestamp);
            return true;
        }

        long min = unchecked(header.BaseTimestamp + deltaMin), max = unchecked(header.BaseTimestamp + deltaMax);
        summary = new RecordBatchSummary(count, min, max);
        return (min < header.BaseTimestamp) == (deltaMin < 0) && (max < header.BaseTimestamp) == (deltaMax < 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryScanRecord(ReadOnlySpan<byte> record, int offsetDelta, out long timestampDelta)
    {
        int position = 1;
        timestampDelta = 0;
        if (record[0] != 0
            || !Varint.TryRead(record, ref position, out timestampDelta)
            || !Varint.TryRead(record, ref position, out int delta) || delta != offsetDelta
            || !TrySkip(record, ref position, NoBytes) || !TrySkip(record, ref position, NoBytes)
            || !Varint.TryRead(record, ref position, out int headers))
        {
            return false;
        }

        return headers == 0 ? position == record.Length : TrySkipHeaders(record, position, headers);
    }

    private static bool TrySkipHeaders(ReadOnlySpan<byte> record, int position, int count)
    {
        if (count < 0 || count > (record.Length - position) / HeaderBytesMin)
            return false;
        for (int i = 0; i < count; i++)
        {
            // A header's key is never null.
            if (!TrySkip(record, ref position, lengthMin: 0) || !TrySkip(record, ref position, NoBytes))
                return false;
        }

        return position == record.Length;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TrySkip(ReadOnlySpan<byte> record, ref int position, int lengthMin)
    {
        if (!Varint.TryRead(record, ref position, out int length) || length < lengthMin || length > record.Length - position)
            return false;
        position += Math.Max(0, length);
        return true;
    }
}
