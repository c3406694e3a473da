using System.Numerics;
using System.Runtime.CompilerServices;

namespace OrleansStream.Records;

/// <summary>
/// The variable-length numbers of a record: zigzag encoding, so that small negative numbers stay short, then seven bits a byte, lowest first.
/// </summary>
/// <remarks>Source: <c>org.apache.kafka.common.utils.ByteUtils</c>, which took them from Protocol Buffers' sint32 and sint64.</remarks>
public static class Varint
{
    /// <summary>The bytes that <see cref="Write(Span{byte}, int)"/> takes for a number: 1 to 5.</summary>
    /// <param name="value">The number.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LengthBytes(int value) =>
        // ceil(bits / 7) without a division: 9/64 is close enough to 1/7 up to 64 bits.
        ((31 - BitOperations.LeadingZeroCount(Fold(value) | 1)) * 9 + 73) / 64;

    /// <summary>The bytes that <see cref="Write(Span{byte}, long)"/> takes for a number: 1 to 10.</summary>
    /// <param name="value">The number.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LengthBytes(long value) =>
        ((63 - BitOperations.LeadingZeroCount(Fold(value) | 1)) * 9 + 73) / 64;

    /// <summary>Writes a 32-bit number.</summary>
    /// <param name="destination">At least <see cref="LengthBytes(int)"/> bytes.</param>
    /// <param name="value">The number.</param>
    /// <returns>The count of bytes written.</returns>
    /// <exception cref="IndexOutOfRangeException">The destination is too short.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Write(Span<byte> destination, int value)
    {
        var rest = Fold(value);
        var length = 0;
        while (rest > 0x7f)
        {
            destination[length++] = (byte)(rest | 0x80);
            rest >>= 7;
        }

        destination[length++] = (byte)rest;
        return length;
    }

    /// <summary>Writes a 64-bit number.</summary>
    /// <param name="destination">At least <see cref="LengthBytes(long)"/> bytes.</param>
    /// <param name="value">The number.</param>
    /// <returns>The count of bytes written.</returns>
    /// <exception cref="IndexOutOfRangeException">The destination is too short.</exception>
    public static int Write(Span<byte> destination, long value)
    {
        var rest = Fold(value);
        var length = 0;
        while (rest > 0x7f)
        {
            destination[length++] = (byte)(rest | 0x80);
            rest >>= 7;
        }

        destination[length++] = (byte)rest;
        return length;
    }

    /// <summary>Reads a 32-bit number and moves past it.</summary>
    /// <param name="source">The bytes to read from.</param>
    /// <param name="position">Where the number starts; on success, where the next field starts.</param>
    /// <param name="value">The number, or 0.</param>
    /// <returns>False when the bytes end first or the number does not fit in 32 bits; the position is then unchanged.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ReadOnlySpan<byte> source, ref int position, out int value)
    {
        // Nearly all numbers in a record are below 64, and so take one byte.
        if ((uint)position < (uint)source.Length && source[position] < 0x80)
        {
            value = Unfold((uint)source[position++]);
            return true;
        }

        return TryReadLong(source, ref position, out value);
    }

    /// <summary>Reads a 64-bit number and moves past it.</summary>
    /// <inheritdoc cref="TryRead(ReadOnlySpan{byte}, ref int, out int)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ReadOnlySpan<byte> source, ref int position, out long value)
    {
        if ((uint)position < (uint)source.Length && source[position] < 0x80)
        {
            value = Unfold((uint)source[position++]);
            return true;
        }

        return TryReadLong(source, ref position, out value);
    }

    private static bool TryReadLong(ReadOnlySpan<byte> source, ref int position, out long value)
    {
        ulong folded = 0;
        var at = position;
        for (var shift = 0; (uint)at < (uint)source.Length && shift < 70; shift += 7)
        {
            var next = source[at++];
            if (shift == 63 && next > 1)
                break;
            folded |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                position = at;
                value = (long)(folded >> 1) ^ -(long)(folded & 1);
                return true;
            }
        }

        value = 0;
        return false;
    }

    private static bool TryReadLong(ReadOnlySpan<byte> source, ref int position, out int value)
    {
        uint folded = 0;
        var at = position;
        for (var shift = 0; (uint)at < (uint)source.Length && shift < 35; shift += 7)
        {
            var next = source[at++];
            if (shift == 28 && next > 0xf)
                break;
            folded |= (uint)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                position = at;
                value = Unfold(folded);
                return true;
            }
        }

        value = 0;
        return false;
    }

    private static uint Fold(int value) => (uint)((value << 1) ^ (value >> 31));

    private static ulong Fold(long value) => (ulong)((value << 1) ^ (value >> 63));

    private static int Unfold(uint folded) => (int)(folded >> 1) ^ -(int)(folded & 1);
}
