using CsCheck;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Records;

public sealed class RecordSelectionTests
{
    private static readonly RecordBatchOptions Named = new() { ProducerId = 7, ProducerEpoch = 3, BaseSequence = 10 };

    // Which records of how many batches are chosen is random; what a writer makes of the same ones is the truth.
    [Fact]
    public void WriteTo_OfAnyRecords_MakesWhatAWriterMakes() =>
        Gen.Select(TestRecords.Some.Array[1, 4], Gen.Int[0, int.MaxValue]).Sample((batches, seed) =>
        {
            var random = new Random(seed);
            byte[] source = [.. batches.SelectMany(records => TestRecords.Encode(new RecordBatchOptions(), InRange(records)))];
            using var selection = new RecordSelection(Named, source);
            var chosen = new List<TestRecord>();
            var scanner = new RecordBatchScanner(source);
            while (scanner.MoveNext())
            {
                using var reader = new RecordBatchReader(scanner.Batch);
                var records = TestRecords.Decode(scanner.Batch);
                for (var i = 0; reader.TryReadNext(out var view); i++)
                {
                    if (random.Next(2) == 0)
                        continue;
                    selection.Add(scanner.Position + reader.RecordPosition, view.TimestampMs);
                    chosen.Add(records[i]);
                }
            }

            var expected = TestRecords.Encode(Named, chosen);
            var written = new byte[selection.LengthBytes + 3];
            selection.WriteTo(written);
            Assert.Equal(expected, written[..^3]);
            Assert.Equal([0, 0, 0], written[^3..]);
            RecordBatchHeader.TryRead(expected, out var header);
            Assert.Equal(
                (header.LengthBytes, header.RecordCount, header.BaseTimestamp, header.MaxTimestamp, header.LastSequence),
                (selection.Header.LengthBytes, selection.Header.RecordCount, selection.Header.BaseTimestamp, selection.Header.MaxTimestamp,
                    selection.Header.LastSequence));
        });

    [Fact]
    public void Header_WhenAllTimesAreBefore1970_TellsTheLatestOfThem()
    {
        var source = TestRecords.Encode(new RecordBatchOptions(), TestRecords.Text("k", "v"));
        using var selection = new RecordSelection(Named, source);
        selection.Add(RecordBatchHeader.HeaderLengthBytes, -7);
        selection.Add(RecordBatchHeader.HeaderLengthBytes, -9);
        Assert.Equal((-7, -7), (selection.Header.BaseTimestamp, selection.Header.MaxTimestamp));
    }

    [Fact]
    public void Add_BeyondTheBoundOfABatch_IsRefusedAndChangesNothing()
    {
        var source = TestRecords.Encode(new RecordBatchOptions(), new TestRecord(1, null, new byte[RecordLimits.BatchBytesMax / 2], []));
        using var selection = new RecordSelection(Named, source);
        selection.Add(RecordBatchHeader.HeaderLengthBytes, 1);
        var before = selection.LengthBytes;
        Assert.Throws<InvalidOperationException>(() => selection.Add(RecordBatchHeader.HeaderLengthBytes, 1));
        Assert.Equal((1, before), (selection.Count, selection.LengthBytes));
        var written = new byte[before];
        selection.WriteTo(written);
        Assert.Equal(RecordBatchStatus.Valid, RecordBatchScanner.Validate(written, out _, out _));
    }

    [Fact]
    public void Add_WhereNoRecordIs_SaysSo()
    {
        using var selection = new RecordSelection(Named, new byte[] { 0x80, 0x80 });
        Assert.Throws<RecordFormatException>(() => selection.Add(0, 1));
        Assert.Throws<RecordFormatException>(() => selection.Add(2, 1));
    }

    [Fact]
    public void WriteTo_WhereThereIsNoRoom_WritesNothing()
    {
        var source = TestRecords.Encode(new RecordBatchOptions(), TestRecords.Text("k", "v"));
        using var selection = new RecordSelection(Named, source);
        selection.Add(RecordBatchHeader.HeaderLengthBytes, 1);
        var destination = new byte[selection.LengthBytes - 1];
        Assert.Throws<ArgumentException>(() => selection.WriteTo(destination));
        Assert.DoesNotContain(destination, value => value != 0);
    }

    [Fact]
    public void Construct_ToBeCompressed_IsRefused() => Assert.Throws<ArgumentException>(
        () => new RecordSelection(new RecordBatchOptions { Compression = CompressionType.Gzip }, default));

    // Deltas to the first chosen record must fit 64 bits, whichever that is.
    private static IEnumerable<TestRecord> InRange(TestRecord[] records) =>
        records.Select(record => record with { TimestampMs = record.TimestampMs / 4 });
}
