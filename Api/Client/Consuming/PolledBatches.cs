using OrleansStream.Client.Connections;
using OrleansStream.Client.Records;
using OrleansStream.Contracts;
using OrleansStream.Records;

namespace OrleansStream.Client.Consuming;

/// <summary>
/// Reads the record batches in the answer to a poll. Values stay where they lie in the answer, or in pooled memory where they were decompressed;
/// those of small batches are put together. So a record costs no memory here beside its key and its decompressed value.
/// </summary>
internal sealed class PolledBatches : IDisposable
{
    private readonly List<OpenBatch> _unfolded = [];
    private readonly KeyMemory _keys = new();
    private readonly ValueMemory _values = new();
    private readonly Dictionary<(string Topic, int Partition), long> _nextOffsets = [];

    /// <summary>The memory of decompressed values that is held until <see cref="Clear"/>, in bytes.</summary>
    public long HeldBytes => _values.HeldBytes + _unfolded.Sum(batch => (long)batch.MemoryBytes);

    /// <summary>Reads the batch at the start of some bytes.</summary>
    /// <param name="topic">The topic of the batch.</param>
    /// <param name="partition">The partition of the batch.</param>
    /// <param name="bytes">The batch, and what follows it.</param>
    /// <param name="records">Takes the batch's records.</param>
    /// <returns>The length of the batch, in bytes.</returns>
    /// <exception cref="FormatException">The bytes end within the batch.</exception>
    /// <exception cref="StreamServiceException">The batch is damaged.</exception>
    public int Read(string topic, int partition, ReadOnlyMemory<byte> bytes, List<PolledRecord> records)
    {
        var status = RecordBatchScanner.Validate(bytes.Span, out var header, out var lengthBytes);
        if (status == RecordBatchStatus.Incomplete)
            throw new FormatException($"It ends within a batch of {new TopicPartition(topic, partition)}.");
        if (status != RecordBatchStatus.Valid)
            throw Damaged(topic, partition, header.BaseOffset, $"{status}");
        // The checksum leaves out where the batch is.
        if (_nextOffsets.TryGetValue((topic, partition), out var next) && header.BaseOffset < next)
            throw Damaged(topic, partition, header.BaseOffset, $"the batch before it ends at offset {next - 1}.");
        _nextOffsets[(topic, partition)] = header.NextOffset;
        var batch = new OpenBatch(bytes[..lengthBytes]);
        var isSmall = batch.MemoryBytes > 0 && batch.UnfoldedBytes <= ConsumerLimits.SmallBatchBytesMax;
        using var small = isSmall ? batch : null;
        if (batch.MemoryBytes > 0 && !isSmall)
            _unfolded.Add(batch);
        // What the header claims is not to be believed beyond what was asked for.
        records.EnsureCapacity(records.Count + Math.Min(header.RecordCount, ConsumerLimits.RecordsMax));
        var reader = batch.Read();
        while (reader.TryReadNext(out var record))
        {
            records.Add(new PolledRecord
            {
                Place = new RecordPlace(topic, partition, record.Offset),
                TimestampMs = record.TimestampMs is >= 0 and <= TimestampText.MsMax ? record.TimestampMs : null,
                Key = record.HasKey ? _keys.Keep(record.Key) : (ReadOnlyMemory<byte>?)null,
                Value = !record.HasValue ? (ReadOnlyMemory<byte>?)null : isSmall ? _values.Keep(record.Value) : batch.MemoryOf(record.Value),
                Headers = record.HeaderCount == 0 ? null : RecordHeaders.Of(record),
                Attempt = 1,
            });
        }

        return reader.UnreadableFrom(header.BaseOffset) is { } unreadable
            ? throw Damaged(topic, partition, unreadable.Offset, unreadable.Detail)
            : lengthBytes;
    }

    /// <summary>Gives back the memory of the records that were read. None of their values may be used after that.</summary>
    public void Clear()
    {
        foreach (var batch in _unfolded)
            batch.Dispose();
        _unfolded.Clear();
        _values.Clear();
        _nextOffsets.Clear();
    }

    /// <inheritdoc/>
    public void Dispose() => Clear();

    private static StreamServiceException Damaged(string topic, int partition, long offset, string detail) => new(
        $"The batch of {new TopicPartition(topic, partition)} with offset {offset}, in the answer to a poll, is damaged: {detail}")
    {
        ErrorCode = "CORRUPT_MESSAGE",
    };
}
