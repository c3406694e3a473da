using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OrleansStream.Records;

/// <summary>
/// Checks the framing of all records of a batch in one pass over their numbers, and skips keys, values and headers. It only says whether all records
/// are right; <see cref="RecordBatchReader"/> tells what is wrong.
/// </summary>
internal static class RecordScan
{
    private const int NoBytes = -1, HeaderBytesMin = 2;

    // Longer numbers are left to the slow way. So are records near the end, where the numbers before the value could reach past it.
    private const int ShortVarintBytesMax = 3, ReachBytes = (5 * ShortVarintBytesMax) + 1;

    /// <summary>Checks records.</summary>
    /// <param name="records">The uncompressed records, and nothing else.</param>
    /// <param name="header">The header of their batch.</param>
    /// <param name="summary">The result, if the records are right.</param>
    /// <returns>
    /// True when the count is that of the header and at least one; each record has the length that it says, no attributes, the offset that follows
    /// the one before, and a time that fits into 64 bits; and no byte is left over.
    /// </returns>
    public static bool TryScan(ReadOnlySpan<byte> records, in RecordBatchHeader header, out RecordBatchSummary summary)
    {
        summary = default;
        long deltaMin = long.MaxValue, deltaMax = long.MinValue;
        var count = header.RecordCount;
        var position = 0;
        for (var i = 0; i < count; i++)
        {
            if (!TryScanCommon(records, ref position, i, out var delta) && !TryScanAny(records, ref position, i, out delta))
                return false;
            deltaMin = Math.Min(deltaMin, delta);
            deltaMax = Math.Max(deltaMax, delta);
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

    /// <summary>
    /// Skips a valid record of the usual kind: numbers of up to three bytes, and no headers. It has few branches, which a processor predicts well,
    /// and checks a bound once for several reads.
    /// </summary>
    /// <returns>False for any other record, valid or not. The position is then unchanged.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryScanCommon(ReadOnlySpan<byte> records, ref int position, int offsetDelta, out long timestampDelta)
    {
        timestampDelta = 0;
        var at = position;
        if (at > records.Length - ReachBytes)
            return false;
        ref var first = ref MemoryMarshal.GetReference(records);
        if (!TryReadShort(ref first, ref at, out var length) || (length & 1) != 0 || length >> 1 > (uint)(records.Length - at))
            return false;
        var end = at + (int)(length >> 1);
        if (Unsafe.Add(ref first, at++) != 0 || !TryReadShort(ref first, ref at, out var time)
            || !TryReadShort(ref first, ref at, out var delta) || delta != (uint)offsetDelta << 1
            || !TryReadShort(ref first, ref at, out var key) || !IsLength(key))
        {
            return false;
        }

        at += LengthOf(key);
        if (at > records.Length - ShortVarintBytesMax || !TryReadShort(ref first, ref at, out var value) || !IsLength(value))
            return false;
        at += LengthOf(value);
        // The last byte of the record is the count of headers.
        if (at != end - 1 || Unsafe.Add(ref first, at) != 0)
            return false;
        timestampDelta = (int)(time >> 1) ^ -(int)(time & 1);
        position = end;
        return true;
    }

    // The only valid negative number is -1, which means null.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsLength(uint folded) => (folded & 1) == 0 || folded == 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LengthOf(uint folded) => (folded & 1) == 0 ? (int)(folded >> 1) : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadShort(ref byte first, ref int at, out uint folded)
    {
        folded = Unsafe.Add(ref first, at++);
        if (folded < 0x80)
            return true;
        uint next = Unsafe.Add(ref first, at++);
        folded = (folded & 0x7f) | ((next & 0x7f) << 7);
        if (next < 0x80)
            return true;
        next = Unsafe.Add(ref first, at++);
        folded |= next << 14;
        return next < 0x80;
    }

    private static bool TryScanAny(ReadOnlySpan<byte> records, ref int position, int offsetDelta, out long timestampDelta)
    {
        timestampDelta = 0;
        if (!Varint.TryRead(records, ref position, out int length) || length < RecordLimits.RecordBytesMin - 1
            || length > records.Length - position || !TryScanRecord(records.Slice(position, length), offsetDelta, out timestampDelta))
        {
            return false;
        }

        position += length;
        return true;
    }

    private static bool TryScanRecord(ReadOnlySpan<byte> record, int offsetDelta, out long timestampDelta)
    {
        var position = 1;
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
        for (var i = 0; i < count; i++)
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
