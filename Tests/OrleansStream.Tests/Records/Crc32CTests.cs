using OrleansStream.Records;

namespace OrleansStream.Tests.Records;

public sealed class Crc32CTests
{
    // RFC 3720 appendix B.4, and the check value of the CRC catalogue.
    [Theory]
    [InlineData("", 0u)]
    [InlineData("313233343536373839", 0xE3069283u)]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000", 0x8A9136AAu)]
    [InlineData("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", 0x62A8AB43u)]
    [InlineData("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", 0x46DD794Eu)]
    [InlineData("1F1E1D1C1B1A191817161514131211100F0E0D0C0B0A09080706050403020100", 0x113FDB5Cu)]
    public void Compute_WhenVectorIsPublished_GivesItsValue(string hex, uint expected) =>
        Assert.Equal(expected, Crc32C.Compute(Convert.FromHexString(hex)));

    [Fact]
    public void Compute_WhenLengthIsAny_AgreesWithTheDefinition()
    {
        var bytes = new byte[20_000];
        new Random(7).NextBytes(bytes);
        // Every short length, and lengths around the two stretch sizes that are summed three at once.
        int[] lengths = [.. Enumerable.Range(0, 900), 6143, 6144, 6145, 6912, 6919, 12_288, 13_001, 19_991];
        foreach (var length in lengths)
        {
            foreach (var start in (int[])[0, 1, 7])
            {
                ReadOnlySpan<byte> part = bytes.AsSpan(start, length);
                Assert.Equal(ByDefinition(part), Crc32C.Compute(part));
                var cut = length / 3;
                Assert.Equal(ByDefinition(part), Crc32C.Append(Crc32C.Compute(part[..cut]), part[cut..]));
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(4096)]
    [InlineData(1_048_531)]
    public void Replace_WhenBytesInTheMiddleChange_AgreesWithSummingAllAnew(int lengthBehind)
    {
        var bytes = new byte[100 + 14 + lengthBehind];
        new Random(8).NextBytes(bytes);
        var before = Crc32C.Compute(bytes);
        var replaced = bytes[100..114];
        new Random(9).NextBytes(bytes.AsSpan(100, 14));
        Assert.Equal(Crc32C.Compute(bytes), Crc32C.Replace(before, replaced, bytes.AsSpan(100, 14), lengthBehind));
    }

    private static uint ByDefinition(ReadOnlySpan<byte> bytes)
    {
        var state = ~0u;
        foreach (var value in bytes)
        {
            state ^= value;
            for (var bit = 0; bit < 8; bit++)
                state = (state >> 1) ^ ((state & 1) * 0x82F63B78);
        }

        return ~state;
    }
}
