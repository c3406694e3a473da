using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OrleansStream.Records;

/// <summary>CRC-32C (Castagnoli, RFC 3720 appendix B.4): the checksum of a record batch.</summary>
/// <remarks>
/// It uses the processor's own instruction (SSE 4.2, ARMv8) through <see cref="BitOperations"/>, which has a table for other machines. The
/// instruction takes three cycles, but one can start in each cycle. So three independent stretches are computed at once and then joined. Joining
/// multiplies by a power of x, with a table.
/// </remarks>
public static class Crc32C
{
    private const uint Polynomial = 0x82F63B78;
    private const int LongStretchBytes = 2048;
    private const int ShortStretchBytes = 256;
    private static readonly uint[] LongShift = MakeShiftTable(LongStretchBytes);
    private static readonly uint[] ShortShift = MakeShiftTable(ShortStretchBytes);

    /// <summary>The checksum of bytes.</summary>
    /// <param name="bytes">The bytes; there may be none.</param>
    public static uint Compute(ReadOnlySpan<byte> bytes) => Append(0, bytes);

    /// <summary>The checksum of bytes that follow others.</summary>
    /// <param name="crc">The checksum of the bytes before these; 0 when there are none.</param>
    /// <param name="bytes">The bytes that follow.</param>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        var state = ~crc;
        state = AppendStretches(state, ref bytes, LongStretchBytes, LongShift);
        state = AppendStretches(state, ref bytes, ShortStretchBytes, ShortShift);
        foreach (var word in MemoryMarshal.Cast<byte, ulong>(bytes))
            state = BitOperations.Crc32C(state, LittleEndian(word));
        foreach (var last in bytes[(bytes.Length & ~7)..])
            state = BitOperations.Crc32C(state, last);
        return ~state;
    }

    /// <summary>The checksum after some of the bytes were replaced. It takes hardly longer when more bytes follow them.</summary>
    /// <param name="crc">The checksum of all bytes as they were.</param>
    /// <param name="before">The replaced bytes, as they were.</param>
    /// <param name="after">The same bytes, as they are now.</param>
    /// <param name="lengthBehind">The count of bytes that follow them.</param>
    /// <remarks>
    /// A CRC is linear. So the checksum of the change, moved by as many zero bytes as follow, is the change of the checksum. A checksum that was
    /// wrong before stays wrong.
    /// </remarks>
    public static uint Replace(uint crc, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after, int lengthBehind)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(before.Length, after.Length);
        ArgumentOutOfRangeException.ThrowIfNegative(lengthBehind);
        var change = Compute(before) ^ Compute(after);
        // Computes x to the power of 8 * lengthBehind by squaring. Polynomials are written with the lowest power in the highest bit.
        var power = 1u << 23;
        for (; lengthBehind > 0; lengthBehind >>= 1)
        {
            if ((lengthBehind & 1) != 0)
                change = Multiply(power, change);
            power = Multiply(power, power);
        }

        return crc ^ change;
    }

    private static uint Multiply(uint a, uint b)
    {
        uint product = 0;
        for (var bit = 1u << 31; bit != 0; bit >>= 1)
        {
            if ((a & bit) != 0)
                product ^= b;
            b = (b >> 1) ^ ((b & 1) * Polynomial);
        }

        return product;
    }

    private static uint AppendStretches(uint state, ref ReadOnlySpan<byte> bytes, int stretchBytes, uint[] shift)
    {
        var words = stretchBytes / sizeof(ulong);
        while (bytes.Length >= 3 * stretchBytes)
        {
            var all = MemoryMarshal.Cast<byte, ulong>(bytes[..(3 * stretchBytes)]);
            ref var first = ref MemoryMarshal.GetReference(all);
            ref var second = ref Unsafe.Add(ref first, words);
            ref var third = ref Unsafe.Add(ref second, words);
            var a = state;
            uint b = 0;
            uint c = 0;
            for (var i = 0; i < words; i++)
            {
                a = BitOperations.Crc32C(a, LittleEndian(Unsafe.Add(ref first, i)));
                b = BitOperations.Crc32C(b, LittleEndian(Unsafe.Add(ref second, i)));
                c = BitOperations.Crc32C(c, LittleEndian(Unsafe.Add(ref third, i)));
            }

            state = Shift(shift, Shift(shift, a) ^ b) ^ c;
            bytes = bytes[(3 * stretchBytes)..];
        }

        return state;
    }

    private static ulong LittleEndian(ulong word) =>
        BitConverter.IsLittleEndian ? word : System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(word);

    private static uint Shift(uint[] table, uint state) =>
        table[state & 0xff] ^ table[256 + ((state >> 8) & 0xff)]
        ^ table[512 + ((state >> 16) & 0xff)] ^ table[768 + (state >> 24)];

    // What a state becomes after a stretch of zero bytes. This is linear in the state's bits, so the results for its 32 bits give all others.
    private static uint[] MakeShiftTable(int stretchBytes)
    {
        var bits = new uint[32];
        for (var bit = 0; bit < bits.Length; bit++)
        {
            var state = 1u << bit;
            for (var i = 0; i < stretchBytes * 8; i++)
                state = (state >> 1) ^ ((state & 1) * Polynomial);
            bits[bit] = state;
        }

        var table = new uint[4 * 256];
        for (var i = 0; i < table.Length; i++)
        {
            var place = i / 256 * 8;
            for (var bit = 0; bit < 8; bit++)
                table[i] ^= (uint)((i >> bit) & 1) * bits[place + bit];
        }

        return table;
    }
}
