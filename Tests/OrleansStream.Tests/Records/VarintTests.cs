using CsCheck;
using OrleansStream.Records;

namespace OrleansStream.Tests.Records;

public sealed class VarintTests
{
    // Kafka's ByteUtilsTest and Protocol Buffers' documentation.
    [Theory]
    [InlineData(0, "00")]
    [InlineData(-1, "01")]
    [InlineData(1, "02")]
    [InlineData(63, "7E")]
    [InlineData(-64, "7F")]
    [InlineData(64, "8001")]
    [InlineData(8191, "FE7F")]
    [InlineData(-8192, "FF7F")]
    [InlineData(int.MaxValue, "FEFFFFFF0F")]
    [InlineData(int.MinValue, "FFFFFFFF0F")]
    public void Write_WhenNumberIs32Bit_GivesKafkasBytes(int value, string hex)
    {
        var bytes = new byte[RecordLimits.VarintBytesMax];
        var length = Varint.Write(bytes, value);
        Assert.Equal(hex, Convert.ToHexString(bytes, 0, length));
        // A 64-bit number of the same value has the same encoding.
        var wide = new byte[RecordLimits.VarlongBytesMax];
        Assert.Equal(hex, Convert.ToHexString(wide, 0, Varint.Write(wide, (long)value)));
    }

    [Theory]
    [InlineData(long.MaxValue, "FEFFFFFFFFFFFFFFFF01")]
    [InlineData(long.MinValue, "FFFFFFFFFFFFFFFFFF01")]
    [InlineData(1L << 40, "808080808040")]
    public void Write_WhenNumberIs64Bit_GivesKafkasBytes(long value, string hex)
    {
        var bytes = new byte[RecordLimits.VarlongBytesMax];
        Assert.Equal(hex, Convert.ToHexString(bytes, 0, Varint.Write(bytes, value)));
    }

    [Fact]
    public void TryRead_WhenWritten_GivesTheNumberAndItsLength() =>
        Gen.Select(Gen.Int, Gen.Long, Gen.Int[0, 63]).Sample((narrow, wide, shift) =>
        {
            // Uniform numbers are nearly all long ones; the shift makes every length as likely.
            narrow >>= shift & 31;
            wide >>= shift;
            var bytes = new byte[20];
            var length = Varint.Write(bytes, narrow);
            var end = length + Varint.Write(bytes.AsSpan(length), wide);
            var position = 0;
            return length == Varint.LengthBytes(narrow) && end - length == Varint.LengthBytes(wide)
                && Varint.TryRead(bytes, ref position, out int narrowRead) && narrowRead == narrow && position == length
                && Varint.TryRead(bytes, ref position, out long wideRead) && wideRead == wide && position == end;
        });

    [Theory]
    [InlineData("")]
    [InlineData("80")]
    [InlineData("FFFFFFFF")]
    [InlineData("FFFFFFFF1F")]
    [InlineData("808080808000")]
    [InlineData("FFFFFFFFFFFFFFFFFFFFFFFF")]
    public void TryRead_WhenNo32BitNumber_RefusesAndStays(string hex)
    {
        var position = 0;
        Assert.False(Varint.TryRead(Convert.FromHexString(hex), ref position, out int value));
        Assert.Equal((0, 0), (position, value));
    }

    [Theory]
    [InlineData("")]
    [InlineData("8080")]
    [InlineData("FFFFFFFFFFFFFFFFFF02")]
    [InlineData("8080808080808080808000")]
    public void TryRead_WhenNo64BitNumber_RefusesAndStays(string hex)
    {
        var position = 0;
        Assert.False(Varint.TryRead(Convert.FromHexString(hex), ref position, out long value));
        Assert.Equal((0, 0L), (position, value));
    }
}
