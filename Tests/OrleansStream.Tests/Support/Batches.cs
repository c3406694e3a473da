using System.Text;
using OrleansStream.Partitions;
using OrleansStream.Records;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Support;

/// <summary>Makes and reads batches of text records.</summary>
internal static class Batches
{
    public static long NowMs => TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();

    public static byte[] Of(params (string? Key, string Value)[] records) => Of(new RecordBatchOptions(), records);

    public static byte[] Of(RecordBatchOptions options, params (string? Key, string Value)[] records)
    {
        using var writer = new RecordBatchWriter();
        writer.Reset(options);
        foreach (var (key, value) in records)
            writer.Append(NowMs, Encoding.UTF8.GetBytes(key ?? ""), key is not null, Encoding.UTF8.GetBytes(value), hasValue: true);
        writer.Finish();
        return writer.ToArray();
    }

    public static RecordsAppendRequest Request(byte[] batches, int? partition = null, int[]? recordPartitions = null) =>
        new(batches, partition, recordPartitions ?? [], Acks.All);

    public static IEnumerable<(long Offset, string? Key, string Value)> Read(ReadOnlyMemory<byte> batches)
    {
        var records = new List<(long, string?, string)>();
        var scanner = new RecordBatchScanner(batches.Span);
        while (scanner.MoveNext())
        {
            if (scanner.Header.IsControl)
                continue;
            using var reader = new RecordBatchReader(scanner.Batch);
            while (reader.TryReadNext(out var record))
            {
                records.Add((record.Offset, record.HasKey ? Encoding.UTF8.GetString(record.Key) : null,
                    Encoding.UTF8.GetString(record.Value)));
            }
        }

        Assert.Equal(RecordBatchStatus.End, scanner.Status);
        return records;
    }

    public static FetchRequest From(long offset, int waitMs = 0) => new(offset, PartitionLimits.FetchBytesMax, waitMs);
}
