using CsCheck;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Records;

public sealed class RecordBatchWriterTests
{
    [Fact]
    public void LengthBytes_WhenRecordsAreAppended_IsExactAndBelowTheBound() =>
        TestRecords.Some.Sample(records =>
        {
            using var writer = new RecordBatchWriter();
            using var headers = new RecordHeadersWriter();
            var bound = RecordBatchHeader.HeaderLengthBytes;
            foreach (var record in records)
            {
                headers.Reset();
                foreach ((var key, var value) in record.Headers)
                    headers.Append(key, value, value is not null);
                var before = writer.LengthBytes;
                writer.Append(record.TimestampMs, record.Key, record.Key is not null, record.Value, record.Value is not null, headers.EncodedHeaders);
                var most = RecordBatchWriter.EncodedRecordLengthBytes(
                    record.Key?.Length ?? 0, record.Value?.Length ?? 0, headers.EncodedHeaders.Length);
                Assert.InRange(writer.LengthBytes - before, RecordLimits.RecordBytesMin, most);
                bound += most;
            }

            var length = writer.LengthBytes;
            writer.Finish();
            Assert.Equal(length, writer.WrittenBatch().Length);
            Assert.InRange(length, 0, bound);
        });

    [Theory]
    [MemberData(nameof(TestRecords.Codecs), MemberType = typeof(TestRecords))]
    public void Finish_WhenRecordsAreNoise_IsNoLongerThanSaid(CompressionType codec)
    {
        var noise = new byte[5000];
        new Random(11).NextBytes(noise);
        using var writer = new RecordBatchWriter();
        writer.Reset(new RecordBatchOptions { Compression = codec });
        writer.Append(1, default, false, noise, true);
        var length = writer.LengthBytes;
        writer.Finish();
        Assert.Equal(length, writer.WrittenBatch().Length);
        Assert.True(RecordBatchHeader.TryRead(writer.WrittenBatch().Span, out var header));
        Assert.Equal(CompressionType.None, header.Compression);
    }

    [Theory]
    [InlineData(CompressionType.Gzip, 1, 9)]
    [InlineData(CompressionType.Lz4, 0, 12)]
    [InlineData(CompressionType.Zstd, 1, 19)]
    public void Finish_WhenLevelIsHigher_CompressesBetter(CompressionType codec, int low, int high)
    {
        TestRecord[] records = [.. Enumerable.Range(0, 2000).Select(i => TestRecords.Text($"match-{i % 37}", $"minute {i * 7919 % 90} goal by player {i * 31 % 23}"))];
        var fast = TestRecords.Encode(new RecordBatchOptions { Compression = codec, CompressionLevel = low }, records);
        var small = TestRecords.Encode(new RecordBatchOptions { Compression = codec, CompressionLevel = high }, records);
        Assert.True(small.Length < fast.Length, $"{small.Length} < {fast.Length}");
        Assert.Equal(records, TestRecords.Decode(small));
    }

    [Fact]
    public void Reset_WhenWriterWasUsed_LeavesNothingOfTheBatchBefore()
    {
        using var writer = new RecordBatchWriter();
        TestRecord[] first = [TestRecords.Text("a", new string('x', 10_000), 900), TestRecords.Text("b", "2", 950)];
        TestRecord[] second = [TestRecords.Text("c", "3", 10)];
        var compressed = new RecordBatchOptions { Compression = CompressionType.Zstd, ProducerId = 5, IsControl = true };
        Assert.Equal(first, TestRecords.Decode(TestRecords.Encode(writer, compressed, first)));
        var reused = TestRecords.Encode(writer, new RecordBatchOptions(), second);
        Assert.Equal(TestRecords.Encode(new RecordBatchOptions(), second), reused);
        writer.Dispose();
        Assert.Equal(reused, TestRecords.Encode(writer, new RecordBatchOptions(), second));
    }

    [Fact]
    public void Append_WhenBatchIsFull_RefusesAndKeepsWhatItHas()
    {
        using var writer = new RecordBatchWriter();
        var big = new byte[RecordLimits.BatchBytesMax - RecordBatchHeader.HeaderLengthBytes - 13];
        writer.Append(1, "k"u8, true, "v"u8, true);
        var length = writer.LengthBytes;
        Assert.Throws<InvalidOperationException>(() => writer.Append(2, default, false, big, true));
        Assert.Equal((1, length), (writer.Count, writer.LengthBytes));
        writer.Finish();
        Assert.Single(TestRecords.Decode(writer.ToArray()));
    }

    [Fact]
    public void Finish_WhenCompressedBatchIsStillTooLong_Refuses()
    {
        var noise = new byte[RecordLimits.BatchBytesMax];
        new Random(5).NextBytes(noise);
        using var writer = new RecordBatchWriter();
        writer.Reset(new RecordBatchOptions { Compression = CompressionType.Lz4 });
        writer.Append(1, default, false, noise, true);
        Assert.Throws<InvalidOperationException>(writer.Finish);
    }

    [Fact]
    public void Append_WhenTimestampIsTooFarFromTheFirst_RefusesAndKeepsWhatItHas()
    {
        using var writer = new RecordBatchWriter();
        writer.Append(long.MinValue, default, false, "a"u8, true);
        Assert.Throws<OverflowException>(() => writer.Append(long.MaxValue, default, false, "b"u8, true));
        writer.Finish();
        Assert.Single(TestRecords.Decode(writer.ToArray()));
    }

    [Fact]
    public void WrittenBatch_WhenNotFinished_Throws()
    {
        using var writer = new RecordBatchWriter();
        Assert.Throws<InvalidOperationException>(() => writer.WrittenBatch());
        writer.Finish();
        Assert.Throws<InvalidOperationException>(() => writer.Append(1, default, false, default, false));
    }

    [Fact]
    public void AppendAndRead_WhenMemoryIsThere_AllocateNothing()
    {
        const int Count = 1000;
        using var writer = new RecordBatchWriter();
        using var headers = new RecordHeadersWriter();
        // A second round has its buffers; what it still allocates would be per record.
        Assert.InRange(Allocations.Of(() => Run(writer, headers), Count / 2), 0, Count / 2);

        static void Run(RecordBatchWriter writer, RecordHeadersWriter headers)
        {
            writer.Reset(new RecordBatchOptions());
            for (var i = 0; i < Count; i++)
            {
                headers.Reset();
                headers.Append("source", "stadium"u8);
                writer.Append(1_000 + i, "argentina-brazil"u8, true, "{\"event\":\"goal\"}"u8, true, headers.EncodedHeaders);
            }

            writer.Finish();
            var headerCount = 0;
            using var reader = new RecordBatchReader(writer.WrittenBatch().Span);
            while (reader.TryReadNext(out var record))
            {
                foreach (var header in record.Headers)
                    headerCount += header.Key.Length == 6 ? 1 : 0;
            }

            Assert.True(headerCount == Count);
        }
    }

    [Fact]
    public void EncodedHeaders_WhenTheyAreMany_CarryTheirCount()
    {
        using var headers = new RecordHeadersWriter();
        for (var i = 0; i < 300; i++)
            headers.Append($"k{i}", [], hasValue: i % 2 == 0);
        var count = 0;
        foreach (var header in new RecordHeaderEnumerator(headers.EncodedHeaders))
            Assert.Equal(count++ % 2 == 0, header.HasValue);
        Assert.Equal(300, count);
    }
}
