using System.Buffers;
using System.Text;
using OrleansStream.Cli.Consume;
using OrleansStream.Client.Consuming;
using OrleansStream.Client.Records;

namespace OrleansStream.Tests.CommandLine;

/// <summary>Format strings: kcat's fields, escapes, and Kafka's properties.</summary>
public sealed class RecordFormatTests
{
    private static readonly DateTimeOffset Time = DateTimeOffset.FromUnixTimeMilliseconds(1_781_197_200_123);

    [Theory]
    [InlineData("%s", "välue")]
    [InlineData("%S", "6")]
    [InlineData("%k|%K", "key|3")]
    [InlineData("%T", "1781197200123")]
    [InlineData("%h", "a=1,b=")]
    [InlineData("%t %p %o", "matches 3 17")]
    [InlineData("100%% %%s", "100% %s")]
    [InlineData(@"\t\n\r\0\\\x41", "\t\n\r\0\\A")]
    [InlineData(@"\\n%o", @"\n17")]
    public void Write_OfARecord_FillsTheFields(string format, string written) =>
        Assert.Equal(written, Encoding.UTF8.GetString(Write(format, Record("key", "välue"))));

    [Fact]
    public void Write_OfLengths_IsBigEndianAndMinusOneForNull()
    {
        Assert.Equal([0, 0, 0, 6], Write("%R", Record("key", "välue")));
        Assert.Equal([0xFF, 0xFF, 0xFF, 0xFF], Write("%R", Record(null, null)));
        Assert.Equal("-1 -1", Encoding.UTF8.GetString(Write("%S %K", Record(null, null))));
    }

    [Theory]
    [InlineData(null, "[|]")]
    [InlineData("NULL", "[NULL|NULL]")]
    public void Write_OfNull_IsTheMarkerOrNothing(string? marker, string written) =>
        Assert.Equal(written, Encoding.UTF8.GetString(Write("[%k|%s]", Record(null, null), marker)));

    [Theory]
    [InlineData("%x", "unknown field")]
    [InlineData("%", "unknown field")]
    [InlineData(@"\q", "backslash")]
    [InlineData(@"%s\", "backslash")]
    [InlineData(@"\x4", "backslash")]
    public void Constructor_OfAWrongFormat_SaysWhatIsAllowed(string format, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => new RecordFormat(format, null)).Message, StringComparison.Ordinal);

    [Fact]
    public void KafkaFormat_WithProperties_IsThatOfTheConsoleConsumer()
    {
        var format = KafkaFormat.Make(["print.key=true", "print.offset=true", "print.timestamp=true", "key.separator=%:", @"line.separator=;\n"], null, "-");
        Assert.Equal("CreateTime:1781197200123%:Offset:17%:-%:v;\n", Encoding.UTF8.GetString(Write(format, Record(null, "v"))));
        Assert.Throws<ArgumentException>(() => KafkaFormat.Make(["print.colour=true"], null, null));
        Assert.Throws<ArgumentException>(() => KafkaFormat.Make(["print.key=yes"], null, null));
    }

    private static byte[] Write(string format, ConsumedRecord<byte[]> record, string? marker = null) =>
        Write(new RecordFormat(format, marker), record);

    private static byte[] Write(RecordFormat format, ConsumedRecord<byte[]> record)
    {
        var bytes = new ArrayBufferWriter<byte>();
        format.Write(record, bytes);
        return bytes.WrittenSpan.ToArray();
    }

    private static ConsumedRecord<byte[]> Record(string? key, string? value) => new(
        new RecordPlace("matches", 3, 17), Time.ToUnixTimeMilliseconds(), key is null ? (ReadOnlyMemory<byte>?)null : Encoding.UTF8.GetBytes(key),
        value is null ? null : Encoding.UTF8.GetBytes(value), value is null, [new StreamHeader("a", "1"), new StreamHeader("b", (ReadOnlyMemory<byte>?)null)]);
}
