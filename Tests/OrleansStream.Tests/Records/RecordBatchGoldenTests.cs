using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Records;

public sealed class RecordBatchGoldenTests
{
    // What Kafka 0.11 wrote for the value "123", and Kafka 2.0 for "hdr" with a header: the checksums are theirs.
    private const string PlainBatch =
        "0000000000000000" + "0000003B" + "00000001" + "02" + "0318A270" + "0000" + "00000000"
        + "0000015DFF7B063C" + "0000015DFF7B063C" + "FFFFFFFFFFFFFFFF" + "FFFF" + "FFFFFFFF" + "00000001"
        + "12" + "00" + "00" + "00" + "01" + "06313233" + "00";

    private const string HeaderBatch =
        "0000000000000000" + "00000045" + "00000000" + "02" + "5CD8EF52" + "0000" + "00000000"
        + "0000016585B6F3C1" + "0000016585B6F3C1" + "FFFFFFFFFFFFFFFF" + "FFFF" + "FFFFFFFF" + "00000001"
        + "26" + "00" + "00" + "00" + "01" + "06686472" + "02" + "08686B6579" + "086876616C";

    // Two empty values, the second 168 ms later and with offset delta 1.
    private const string TwoRecordBatch =
        "0000000000000001" + "00000040" + "00000002" + "02" + "C85CBD23" + "0000" + "00000001"
        + "0000015DFF7CDD6C" + "0000015DFF7CDE14" + "FFFFFFFFFFFFFFFF" + "FFFF" + "FFFFFFFF" + "00000002"
        + "0C" + "00" + "00" + "00" + "01" + "00" + "00"
        + "0E" + "00" + "D002" + "02" + "01" + "00" + "00";

    public static TheoryData<string, RecordBatchOptions, TestRecordData> Kafka => new()
    {
        { PlainBatch, new RecordBatchOptions { PartitionLeaderEpoch = 1 }, new([new(1503229838908, null, "123"u8.ToArray(), [])]) },
        {
            HeaderBatch, new RecordBatchOptions { PartitionLeaderEpoch = 0 },
            new([new(1535546684353, null, "hdr"u8.ToArray(), [("hkey", "hval"u8.ToArray())])])
        },
        {
            TwoRecordBatch, new RecordBatchOptions { PartitionLeaderEpoch = 2, BaseOffset = 1 },
            new([new(1503229959532, null, [], []), new(1503229959700, null, [], [])])
        },
    };

    [Theory]
    [MemberData(nameof(Kafka))]
    public void Encode_WhenKafkaEncodedTheSame_GivesItsBytes(string hex, RecordBatchOptions options, TestRecordData data) =>
        Assert.Equal(hex, Convert.ToHexString(TestRecords.Encode(options, data.Records)));

    [Theory]
    [MemberData(nameof(Kafka))]
    public void Decode_WhenKafkaEncodedIt_GivesItsRecords(string hex, RecordBatchOptions options, TestRecordData data)
    {
        var batch = Convert.FromHexString(hex);
        Assert.Equal(RecordBatchStatus.Valid, RecordBatchScanner.Validate(batch, out var header, out _));
        Assert.Equal((options.BaseOffset, options.PartitionLeaderEpoch), (header.BaseOffset, header.PartitionLeaderEpoch));
        Assert.Equal(data.Records, TestRecords.Decode(batch));
    }

    /// <summary>Keeps the internal record type out of the theory's signature.</summary>
    public sealed class TestRecordData
    {
        internal TestRecordData(TestRecord[] records) => Records = records;

        internal TestRecord[] Records { get; }
    }
}
