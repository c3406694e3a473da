using OrleansStream.Errors;
using OrleansStream.Records;
using OrleansStream.Rest.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Produce;

/// <summary>
/// Gathers the records of a request as encoded batches, with what the answer needs to know of each. No object a record.
/// </summary>
/// <remarks>
/// Its memory is pooled: dispose it only once the append of its batches has been answered. An append without a certain answer may
/// still run, and read the bytes; then the collector is left to the garbage collector, or goes on with <see cref="StartAnew"/>.
/// </remarks>
internal sealed class RecordCollector : IDisposable
{
    private RecordBatchWriter _batch = new();
    private PooledList<int> _partitions = new();
    private PooledList<long> _timestamps = new();

    /// <summary>Starts without records.</summary>
    /// <param name="nowMs">The time of a record that has none, in milliseconds since the Unix epoch.</param>
    /// <param name="lengthBytes">The length of what the records come from: they will not be much longer.</param>
    public RecordCollector(long nowMs, int lengthBytes = 0)
    {
        NowMs = nowMs;
        _batch.Reserve(lengthBytes);
    }

    /// <summary>The count of records.</summary>
    public int Count { get; private set; }

    /// <summary>The time of a record that has none, in milliseconds since the Unix epoch.</summary>
    public long NowMs { get; set; }

    /// <summary>The encoded length so far, in bytes.</summary>
    public int LengthBytes => _batch.EarlierLengthBytes + _batch.LengthBytes;

    /// <summary>Per record its explicit partition or -1; empty when no record names one.</summary>
    public ReadOnlyMemory<int> Partitions => _partitions.Items;

    /// <summary>The timestamp of a record, in milliseconds since the Unix epoch.</summary>
    /// <param name="index">The record's place in the request, from 0.</param>
    public long TimestampMs(int index) => _timestamps.Count == 0 ? NowMs : _timestamps[index];

    /// <summary>Adds a record.</summary>
    /// <param name="timestampMs">Its time, or null for now.</param>
    /// <param name="partition">Its explicit partition, or -1.</param>
    /// <param name="key">The bytes of the key.</param>
    /// <param name="hasKey">False for a null key.</param>
    /// <param name="value">The bytes of the value.</param>
    /// <param name="hasValue">False for a tombstone.</param>
    /// <param name="encodedHeaders">As <see cref="RecordBatchWriter"/> takes them.</param>
    /// <exception cref="RequestException">The record is larger than any topic allows; nothing was added.</exception>
    public void Add(
        long? timestampMs, int partition, ReadOnlySpan<byte> key, bool hasKey, ReadOnlySpan<byte> value, bool hasValue,
        ReadOnlySpan<byte> encodedHeaders)
    {
        var payloadBytes = (long)key.Length + value.Length + encodedHeaders.Length;
        if (payloadBytes > TopicLimits.MessageBytesMax)
        {
            throw new RequestException(new StreamError(StreamErrorCode.MessageTooLarge,
                $"The record has {payloadBytes} bytes; no topic takes more than {TopicLimits.MessageBytesMax}. "
                + "Store the payload in a blob and send its address."));
        }

        var encodedBytes = RecordBatchWriter.EncodedRecordLengthBytes(key.Length, value.Length, encodedHeaders.Length);
        if (_batch.Count > 0 && _batch.LengthBytes + encodedBytes > ProduceLimits.BatchBytesTarget)
            _batch.StartNext();
        _batch.Append(timestampMs ?? NowMs, key, hasKey, value, hasValue, encodedHeaders);
        Note(_partitions, partition, -1);
        Note(_timestamps, timestampMs ?? NowMs, NowMs);
        Count++;
    }

    /// <summary>Ends the last batch.</summary>
    /// <returns>All batches, back to back, in this collector's own memory.</returns>
    public Memory<byte> Finish()
    {
        _batch.Finish();
        return _batch.WrittenBatches();
    }

    /// <summary>Starts again without records.</summary>
    public void Reset()
    {
        _batch.Reset(new RecordBatchOptions());
        _partitions.Clear();
        _timestamps.Clear();
        Count = 0;
    }

    /// <summary>Starts again without records in other memory: somebody may still read what lies in this, and the garbage collector gets it.</summary>
    public void StartAnew()
    {
        _batch = new RecordBatchWriter();
        _partitions = new PooledList<int>();
        _timestamps = new PooledList<long>();
        Count = 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _batch.Dispose();
        _partitions.Dispose();
        _timestamps.Dispose();
    }

    // Most requests never name a partition or time, and then there is no list: it begins with the first that differs.
    private void Note<T>(PooledList<T> list, T item, T usual)
        where T : struct, IEquatable<T>
    {
        if (list.Count == 0 && item.Equals(usual))
            return;
        if (list.Count == 0)
            list.Add(usual, Count);
        list.Add(item);
    }
}
