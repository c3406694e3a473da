using System.Buffers.Binary;
using OrleansStream.Records;

namespace OrleansStream.Tests.Fuzz;

/// <summary>Makes inputs out of a corpus: bits flipped, numbers made extreme, parts cut, doubled, moved and mixed.</summary>
internal sealed class FuzzInput(IReadOnlyList<byte[]> corpus, Random random)
{
    private const int ChangesMax = 6;
    private const int LengthMax = 64 * 1024;
    private static readonly long[] Extremes = [
        0, 1, -1, 0x7F, 0x80, 0xFF, short.MaxValue, short.MinValue, int.MaxValue, int.MinValue, long.MaxValue, long.MinValue];

    /// <summary>The next input.</summary>
    public byte[] Next()
    {
        var bytes = Pick();
        for (var changes = random.Next(ChangesMax + 1); changes > 0; changes--)
            bytes = Change(bytes);
        // Else hardly anything would get past the checksum.
        if (random.Next(2) == 0 && bytes.Length >= RecordBatchHeader.HeaderLengthBytes)
            StampCrc(bytes);
        return bytes.Length <= LengthMax ? bytes : bytes[..LengthMax];
    }

    private byte[] Pick() => (byte[])corpus[random.Next(corpus.Count)].Clone();

    private byte[] Change(byte[] bytes)
    {
        if (bytes.Length == 0)
            return Pick();
        var (at, length) = (random.Next(bytes.Length), random.Next(1, 33));
        var end = Math.Min(bytes.Length, at + length);
        switch (random.Next(7))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1:
                random.NextBytes(bytes.AsSpan(at, end - at));
                return bytes;
            case 2:
                WriteExtreme(bytes.AsSpan(at));
                return bytes;
            case 3:
                return bytes[..at];
            case 4:
                return [.. bytes[..end], .. bytes[at..]];
            case 5:
                return [.. bytes[..at], .. bytes[end..]];
            default:
                var other = Pick();
                return [.. bytes[..at], .. other[random.Next(other.Length + 1)..]];
        }
    }

    private void WriteExtreme(Span<byte> target)
    {
        var value = Extremes[random.Next(Extremes.Length)];
        if (target.Length >= 8 && random.Next(2) == 0)
            BinaryPrimitives.WriteInt64BigEndian(target, value);
        else if (target.Length >= 4)
            BinaryPrimitives.WriteInt32BigEndian(target, (int)value);
        else
            target[0] = (byte)value;
    }

    private static void StampCrc(byte[] bytes)
    {
        var length = BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(RecordBatchHeader.BatchLengthPosition))
            + (long)RecordBatchHeader.LogOverheadBytes;
        if (length >= RecordBatchHeader.HeaderLengthBytes && length <= bytes.Length)
            RecordBatchHeader.StampCrc(bytes.AsSpan(0, (int)length));
    }
}
