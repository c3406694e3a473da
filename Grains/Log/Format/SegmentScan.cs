using OrleansStream.Log.Contract;
using OrleansStream.Log.Producers;
using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Log.Format;

/// <summary>
/// Reads a segment from its start to its end, checks every batch, and rebuilds what the log knows of the segment. A scan can go on where it stopped:
/// recovery reads once before it appends its fence, and then what lies behind.
/// </summary>
/// <remarks>
/// A batch is accepted when its length, magic and CRC are right, its base offset continues the chain, and its leader epoch is that of the highest
/// fence before it. The CRC does not cover offset and epoch, so the chain and the fences check them. A batch whose records cannot be read is accepted
/// too: its records are lost, but those behind it are not.
/// </remarks>
/// <param name="segments">Where the segment is.</param>
/// <param name="name">The segment's name in the store.</param>
/// <param name="baseOffset">The offset at which its first batch must begin.</param>
/// <param name="producers">The state of producers before the segment; the scan adds the segment's batches to it.</param>
/// <param name="nowMs">The time, in milliseconds since the Unix epoch.</param>
/// <param name="opensBatches">
/// True to read the records of each batch: for their times, when headers are not to be believed, and for their faults.
/// </param>
internal sealed class SegmentScan(
    ISegmentReader segments, string name, long baseOffset, ProducerStates producers, long nowMs, bool opensBatches = false)
{
    private const int InitialReadBytes = 64 * 1024;

    /// <summary>The end of the last accepted batch.</summary>
    public long Position { get; private set; }

    /// <summary>The position at which the store's answers ended; null when the scan stopped before, at damage or at the given length.</summary>
    public long? ReadEnd { get; private set; }

    /// <summary>The offset behind the last record.</summary>
    public long EndOffset { get; private set; } = baseOffset;

    /// <summary>The latest record timestamp, or -1.</summary>
    public long MaxTimestampMs { get; private set; } = -1;

    /// <summary>The count of accepted batches, fences included.</summary>
    public int BatchCount { get; private set; }

    /// <summary>The highest epoch of a fence.</summary>
    public int Epoch { get; private set; }

    public SegmentIndex Index { get; } = new(baseOffset);

    /// <summary>The batches with bad records, among those that were opened; at most <see cref="LogLimits.SegmentFaultsMax"/>.</summary>
    public List<BatchFault> Faults { get; } = [];

    /// <summary>Why the scan stopped before the end of the segment's bytes; null when it did not.</summary>
    public string? Damage { get; private set; }

    /// <summary>Scans from where the last scan stopped to the end of the segment, or to its first damage.</summary>
    /// <param name="length">The length to stop at, behind which nothing is part of the log; null to read all there is.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <exception cref="LogCorruptException">The manifest names a segment that is not there.</exception>
    public async ValueTask RunAsync(long? length, CancellationToken cancellationToken)
    {
        // Thousands of partitions open with little in their active segment, so most never need the large buffer.
        var buffer = GC.AllocateUninitializedArray<byte>(InitialReadBytes);
        (Damage, ReadEnd) = (null, null);
        while (true)
        {
            var wanted = (int)Math.Min(buffer.Length, (length ?? long.MaxValue) - Position);
            var read = wanted <= 0 ? 0 : await ReadAsync(buffer.AsMemory(0, wanted), cancellationToken).ConfigureAwait(false);
            var readEnd = Position + read;
            var whole = Accept(buffer.AsSpan(0, read));
            if (Damage is not null || Position == length)
                return;

            if (read < wanted || wanted <= 0)
            {
                ReadEnd = readEnd;
                Damage = whole < read ? "a batch is cut short" : length is not null ? "the segment ends there" : null;
                return;
            }

            if (buffer.Length < LogLimits.RecoveryReadBytes)
            {
                buffer = GC.AllocateUninitializedArray<byte>(LogLimits.RecoveryReadBytes);
            }
            else if (whole == 0)
            {
                Damage = "a batch is longer than any that the log writes";
                return;
            }
        }
    }

    /// <summary>Throws when damage stopped the scan.</summary>
    /// <exception cref="LogCorruptException">The segment is damaged.</exception>
    public void ThrowOnDamage()
    {
        if (Damage is not null)
            throw new LogCorruptException(new LogDamage(name, Position, EndOffset), Damage);
    }

    private async ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        try
        {
            return await segments.ReadAsync(name, Position, destination, cancellationToken).ConfigureAwait(false);
        }
        catch (SegmentNotFoundException e)
        {
            throw new LogCorruptException($"The manifest names segment '{name}', which does not exist.", e);
        }
    }

    private int Accept(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        while (at < bytes.Length)
        {
            var status = RecordBatchScanner.Validate(bytes[at..], out var header, out var lengthBytes);
            if (status == RecordBatchStatus.Incomplete)
                return at;

            if (status != RecordBatchStatus.Valid)
            {
                Damage = $"a batch fails its check ({status})";
                return at;
            }

            if ((Damage = Judge(header)) is not null)
                return at;

            Take(header, bytes.Slice(at, lengthBytes));
            at += lengthBytes;
        }

        return at;
    }

    private string? Judge(in RecordBatchHeader header)
    {
        if (FenceBatch.IsFence(header, out _))
            return null; // a late fence of an older owner is harmless anywhere

        if (header.BaseOffset != EndOffset)
            return $"a batch has base offset {header.BaseOffset} instead of {EndOffset}";

        return header.PartitionLeaderEpoch != Epoch
            ? $"a batch of epoch {header.PartitionLeaderEpoch} follows the fence of epoch {Epoch}"
            : null;
    }

    private void Take(in RecordBatchHeader header, ReadOnlySpan<byte> batch)
    {
        if (FenceBatch.IsFence(header, out var epoch))
        {
            Epoch = Math.Max(Epoch, epoch);
        }
        else
        {
            var latestMs = opensBatches ? Open(batch) : header.MaxTimestamp;
            Index.Add(header.BaseOffset, (int)Position, latestMs);
            producers.Apply(header, header.BaseOffset, nowMs);
            EndOffset = header.NextOffset;
            MaxTimestampMs = Math.Max(MaxTimestampMs, latestMs);
        }

        Position += batch.Length;
        BatchCount++;
    }

    private long Open(ReadOnlySpan<byte> batch)
    {
        using var records = new StoredBatchReader(batch);
        var latestMs = records.ReadLatestTimestamp();
        if (records.Fault is { } fault && Faults.Count < LogLimits.SegmentFaultsMax)
            Faults.Add(new BatchFault(Position, records.UnreadableFrom(records.Header.BaseOffset), fault));

        return latestMs;
    }
}

/// <summary>A batch with bad records, though its checksum is right.</summary>
/// <param name="Position">Its position in the segment.</param>
/// <param name="Unreadable">The offsets that cannot be served; null when there are none.</param>
/// <param name="Detail">What is wrong.</param>
internal readonly record struct BatchFault(long Position, UnreadableRecords? Unreadable, string Detail);
