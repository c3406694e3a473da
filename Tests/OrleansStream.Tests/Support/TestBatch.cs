using System.Text;
using OrleansStream.Records;

namespace OrleansStream.Tests.Support;

/// <summary>Batches as producers send them.</summary>
internal static class TestBatch
{
    /// <summary>The time of every record that names no other: 2026-01-01, where the rigs' clocks start.</summary>
    public const long TimestampMs = 1_767_225_600_000;

    public static byte[] Of(params string[] values) => At(TimestampMs, values);

    public static byte[] At(long timestampMs, params string[] values) =>
        Make(new RecordBatchOptions(), values.Select(value => (timestampMs, value)));

    /// <summary>A batch of an idempotent producer; its values tell who sent them.</summary>
    public static byte[] By(long producer, int sequence, int count = 1, short epoch = 0) => Make(
        new RecordBatchOptions { ProducerId = producer, ProducerEpoch = epoch, BaseSequence = sequence },
        Enumerable.Range(0, count).Select(i => (TimestampMs, $"{producer}/{epoch}/{(sequence + (long)i) & int.MaxValue}")));

    /// <summary>One record of so many value bytes.</summary>
    public static byte[] Sized(int valueBytes, char fill = 'x') => Of(new string(fill, valueBytes));

    public static byte[] Make(RecordBatchOptions options, IEnumerable<(long TimestampMs, string Value)> records)
    {
        using var writer = new RecordBatchWriter();
        writer.Reset(options);
        foreach (var (timestampMs, value) in records)
            writer.Append(timestampMs, default, hasKey: false, Encoding.UTF8.GetBytes(value), hasValue: true);

        writer.Finish();
        return writer.ToArray();
    }

    public static byte[] Join(params byte[][] batches) => [.. batches.SelectMany(batch => batch)];
}

/// <summary>A record as a consumer sees it.</summary>
internal sealed record StoredRecord(long Offset, string Value, long TimestampMs, int Epoch);

/// <summary>What whole batches hold, each with its checksum checked.</summary>
internal static class StoredRecords
{
    public static List<StoredRecord> Of(ReadOnlyMemory<byte> batches)
    {
        var found = new List<StoredRecord>();
        var scanner = new RecordBatchScanner(batches.Span);
        while (scanner.MoveNext())
        {
            Assert.False(scanner.Header.IsControl, "No fence is ever returned.");
            using var reader = new RecordBatchReader(scanner.Batch);
            while (reader.TryReadNext(out var record))
            {
                found.Add(new StoredRecord(
                    record.Offset, Encoding.UTF8.GetString(record.Value), record.TimestampMs,
                    scanner.Header.PartitionLeaderEpoch));
            }
        }

        Assert.Equal(RecordBatchStatus.End, scanner.Status);
        return found;
    }
}
