using OrleansStream.Records;

namespace OrleansStream.Topics.HotKeys;

/// <summary>Counts the keys that a router sees, until they are reported. Only one request may use it at a time.</summary>
/// <param name="topicName">The topic's name.</param>
/// <param name="grains">Reaches the grain that the reports go to.</param>
/// <param name="time">Tells when a report is due.</param>
internal sealed class KeyCounter(string topicName, IGrainFactory grains, TimeProvider time)
{
    private readonly SpaceSaving _keys = new(HotKeyLimits.Counters);
    private long _sentBytes;
    private long _storedBytes;
    private long _reportedAt = time.GetTimestamp();

    /// <summary>Counts a record.</summary>
    /// <param name="key">The record's key.</param>
    public void Add(ReadOnlySpan<byte> key)
    {
        if (key.Length <= HotKeyLimits.KeyBytesMax)
            _keys.Add(key);
        else
            _keys.AddOthers(1);
    }

    /// <summary>Counts records without a key.</summary>
    public void AddKeyless() => _keys.AddOthers(1);

    /// <summary>Counts the stored bytes of batches, if all of the batches came uncompressed. The caller has checked that all are stored.</summary>
    /// <param name="sent">The batches as the client sent them.</param>
    /// <param name="storedBytes">The bytes that they have as stored.</param>
    public void AddStored(ReadOnlySpan<byte> sent, long storedBytes)
    {
        for (var left = sent; RecordBatchHeader.TryRead(left, out var header); left = left[header.LengthBytes..])
        {
            if (header.Compression != CompressionType.None)
                return;
        }

        _sentBytes += sent.Length;
        _storedBytes += storedBytes;
    }

    /// <summary>
    /// Sends the counts when a report is due. It does not wait for the answer, because a lost report costs only a few seconds of counting.
    /// </summary>
    /// <param name="topic">The topic.</param>
    public void ReportWhenDue(TopicMetadata topic)
    {
        if ((_keys.Total == 0 && _sentBytes == 0) || time.GetElapsedTime(_reportedAt) < HotKeyLimits.ReportPeriod)
            return;
        _reportedAt = time.GetTimestamp();
        var report = new HotKeysReport(
            topic.Id, topic.PartitionCount, _keys.Total,
            [.. _keys.Heaviest.Take(HotKeyLimits.ReportedKeysMax).Select(key => new CountedKey(key.Key, key.Weight, key.Error))])
        {
            SentBytes = _sentBytes,
            StoredBytes = _storedBytes,
        };
        _keys.Clear();
        (_sentBytes, _storedBytes) = (0, 0);
        grains.GetGrain<ITopicHotKeysGrain>(topicName).ReportAsync(report).Ignore();
    }
}
