using CsCheck;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Records;

public sealed class WholeBatchTests
{
    [Fact]
    public void Read_OfAnyRecordsWithAnyPauses_GivesWhatTheReaderThatChecksGives() =>
        Gen.Select(TestRecords.Some, Gen.Enum<TimestampType>(), Gen.Long[0, long.MaxValue / 2], Gen.Int).Sample((records, type, baseOffset, seed) =>
        {
            var batch = TestRecords.Encode(new RecordBatchOptions { BaseOffset = baseOffset, TimestampType = type }, records);
            Assert.True(WholeBatch.TryOpen(batch, out var whole));
            AssertReads(batch, whole, new Random(seed));
        });

    // The checksum of a stored batch is right, whatever its producer wrote.
    [Fact]
    public void TryOpen_OfRecordsInWhichBytesWereChanged_OpensThoseThatCanAllBeRead() =>
        Gen.Select(TestRecords.Some, Gen.Int[1, 3], Gen.Int).Sample(
            (records, changes, seed) =>
            {
                var random = new Random(seed);
                var batch = TestRecords.Encode(new RecordBatchOptions(), records);
                for (var i = 0; i < changes; i++)
                    batch[random.Next(RecordBatchHeader.HeaderLengthBytes, batch.Length)] = (byte)random.Next(256);
                var isWhole = WholeBatch.TryOpen(batch, out var whole);
                Assert.Equal(CanAllBeRead(batch), isWhole);
                if (isWhole)
                    AssertReads(batch, whole, random);
            },
            iter: 2_000);

    [Fact]
    public void TryOpen_OfABatchWithoutARecordForEachOffset_SaysNo()
    {
        TestRecord[] records = [TestRecords.Text("k", "v"), TestRecords.Text("k", "w")];
        var good = TestRecords.Encode(new RecordBatchOptions(), records);
        Assert.True(WholeBatch.TryOpen(good, out _));
        Assert.False(WholeBatch.TryOpen(TestRecords.Encode(new RecordBatchOptions { IsControl = true }, records), out _));
        Assert.False(WholeBatch.TryOpen(TestRecords.Encode(new RecordBatchOptions()), out _));
        var encoded = good.AsSpan(RecordBatchHeader.HeaderLengthBytes);
        Assert.False(WholeBatch.TryOpen(TestRecords.Forge(encoded, records.Length, lastOffsetDelta: 2), out _));
        Assert.False(WholeBatch.TryOpen(TestRecords.Forge(encoded[..^1], records.Length), out _));
    }

    [Theory]
    [MemberData(nameof(TestRecords.Codecs), MemberType = typeof(TestRecords))]
    public void TryOpen_OfACompressedBatch_SaysNo(CompressionType codec) => Assert.Equal(
        codec == CompressionType.None,
        WholeBatch.TryOpen(TestRecords.Encode(new RecordBatchOptions { Compression = codec }, TestRecords.Text("k", new string('v', 1000))), out _));

    private static bool CanAllBeRead(byte[] batch)
    {
        var reader = new StoredBatchReader(batch);
        var count = 0;
        var haveNoAttributes = true;
        while (reader.TryReadNext(out var record))
        {
            count++;
            haveNoAttributes &= record.Attributes == 0;
        }

        return reader.Fault is null && count == reader.Header.RecordCount && haveNoAttributes;
    }

    private static void AssertReads(byte[] batch, WholeBatch whole, Random random)
    {
        var expected = new RecordBatchReader(batch);
        var reader = whole.Read();
        while (expected.TryReadNext(out var record))
        {
            if (random.Next(3) == 0)
            {
                whole.Pause(reader);
                reader = whole.Read();
            }

            Assert.True(reader.TryReadNext(out var read));
            Assert.Equal(
                (record.Attributes, record.OffsetDelta, record.Offset, record.TimestampMs, record.HasKey, record.HasValue, record.HeaderCount),
                (read.Attributes, read.OffsetDelta, read.Offset, read.TimestampMs, read.HasKey, read.HasValue, read.HeaderCount));
            Assert.True(record.Key == read.Key && record.Value == read.Value && record.EncodedHeaders == read.EncodedHeaders);
        }

        Assert.False(reader.TryReadNext(out _));
        whole.Pause(reader);
        Assert.False(whole.Read().TryReadNext(out _));
    }
}
