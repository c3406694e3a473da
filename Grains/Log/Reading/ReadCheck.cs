using OrleansStream.Log.Caches;
using OrleansStream.Log.Contract;
using OrleansStream.Records;

namespace OrleansStream.Log.Reading;

/// <summary>Checks batches that were read from a segment before anybody sees them.</summary>
internal static class ReadCheck
{
    /// <summary>Checks batches, and takes those from the one that holds an offset up to a fence or damage.</summary>
    /// <param name="bytes">Bytes from the start of a batch on.</param>
    /// <param name="baseOffset">The offset at which the first batch must begin.</param>
    /// <param name="offset">The offset wanted.</param>
    /// <param name="damage">When null is returned: the damage that is in the way.</param>
    public static ReadAheadBlock? Take(ReadOnlyMemory<byte> bytes, long baseOffset, long offset, out BlockDamage damage)
    {
        int start = -1, position = 0;
        long firstOffset = 0, endOffset = baseOffset;
        damage = default;
        while (position < bytes.Length)
        {
            var status = RecordBatchScanner.Validate(bytes.Span[position..], out var header, out var lengthBytes);
            var isFence = FenceBatch.IsFence(header, out _);
            // The CRC does not cover the base offset, so the chain of offsets checks it.
            var isInChain = isFence || header.BaseOffset == endOffset;
            var isWanted = !isFence && header.LastOffset >= offset;
            if (status != RecordBatchStatus.Valid || !isInChain)
            {
                if (damage.What is null || status == RecordBatchStatus.Incomplete)
                    damage = DamageOf(bytes.Span, position, status, header, endOffset);

                // A damaged batch below the wanted offset is skipped if the batch behind it continues the chain.
                if (status != RecordBatchStatus.BadCrc || !isInChain || isFence || isWanted || start >= 0)
                    break;
            }
            else if (isFence && start >= 0)
            {
                break;
            }
            else if (isWanted && start < 0)
            {
                (start, firstOffset) = (position, header.BaseOffset);
            }

            position += lengthBytes;
            endOffset = isFence ? endOffset : header.NextOffset;
        }

        if (start < 0 || firstOffset > offset)
        {
            damage = damage.What is null ? new BlockDamage(position, "the batch is not there") : damage;
            return null;
        }

        return new ReadAheadBlock(firstOffset, endOffset, bytes[start..position], position - start);
    }

    private static BlockDamage DamageOf(
        ReadOnlySpan<byte> bytes, int position, RecordBatchStatus status, in RecordBatchHeader header, long endOffset) => status switch
    {
        RecordBatchStatus.Valid => new(position, $"a batch has base offset {header.BaseOffset} instead of {endOffset}"),
        RecordBatchStatus.Incomplete => new(position, "a batch is cut short")
        {
            LengthNeeded = LengthNeeded(bytes[position..], position),
        },
        _ => new(position, $"a batch fails its check ({status})"),
    };

    private static int LengthNeeded(ReadOnlySpan<byte> rest, int position) =>
        position + (RecordBatchHeader.TryRead(rest, out var header)
            ? Math.Clamp(header.LengthBytes, 0, LogLimits.GroupBytesMax)
            : RecordBatchHeader.HeaderLengthBytes) is var length and > 0
            ? length
            : 0;
}

/// <summary>Damage that is in the way of a read.</summary>
/// <param name="Position">Its position, from the start of the bytes.</param>
/// <param name="What">What is wrong there, without a full stop.</param>
internal readonly record struct BlockDamage(int Position, string What)
{
    /// <summary>The count of bytes to read for the whole batch, if it is only cut short; else 0.</summary>
    public int LengthNeeded { get; init; }
}
