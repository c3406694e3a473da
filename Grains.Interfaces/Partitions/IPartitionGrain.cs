using OrleansStream.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Partitions;

/// <summary>The leader of one partition: appends, fetches, offsets, retention. Key: <see cref="PartitionKey"/>.</summary>
/// <remarks>
/// Orleans may run two activations for a while; the log's epoch and fence make the older one harmless. After a time-out the outcome of an append is
/// unknown. A batch with a producer id may then be sent again.
/// </remarks>
[Alias("os.IPartitionGrain")]
public interface IPartitionGrain : IGrainWithStringKey
{
    /// <summary>Appends the batches of one request, all or none, next to each other.</summary>
    /// <param name="request">The batches.</param>
    /// <param name="cancellationToken">The caller's deadline. Once it has passed, the outcome is unknown.</param>
    [Alias("AppendAsync")]
    ValueTask<AppendResponse> AppendAsync(AppendRequest request, CancellationToken cancellationToken = default);

    /// <summary>Reads whole batches below the high watermark, waiting for new ones as the request says.</summary>
    /// <param name="request">The offset to read from, and how much to read.</param>
    /// <param name="cancellationToken">Ends the wait when the caller has gone.</param>
    [Alias("FetchAsync"), ResponseTimeout(PartitionLimits.FetchTimeout)]
    ValueTask<FetchResponse> FetchAsync(FetchRequest request, CancellationToken cancellationToken = default);

    /// <summary>Finds the first offset whose record is dated at or after a time.</summary>
    /// <param name="timestampMs">Milliseconds since the Unix epoch, or <see cref="FindOffsetResponse.MaxTimestamp"/>.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    [Alias("FindOffsetAsync")]
    ValueTask<FindOffsetResponse> FindOffsetAsync(long timestampMs, CancellationToken cancellationToken = default);

    /// <summary>Finds where the batches end that the leader of an epoch stored (Kafka's OffsetForLeaderEpoch, KIP-101).</summary>
    /// <param name="epoch">The epoch.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    [Alias("FindEpochEndAsync")]
    ValueTask<EpochEndResponse> FindEpochEndAsync(int epoch, CancellationToken cancellationToken = default);

    /// <summary>Offsets, size and place of the partition.</summary>
    [Alias("DescribeAsync")]
    ValueTask<PartitionDescription> DescribeAsync();

    /// <summary>Takes the topic's new settings. A version older than the partition's is ignored.</summary>
    /// <param name="topic">The topic as it is now.</param>
    [Alias("ConfigureAsync")]
    ValueTask ConfigureAsync(TopicMetadata topic);

    /// <summary>Moves the log start offset up, so that the records below it are gone (Kafka's DeleteRecords).</summary>
    /// <param name="beforeOffset">The new log start offset; -1 for the high watermark.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    [Alias("DeleteRecordsAsync")]
    ValueTask<PartitionDescription> DeleteRecordsAsync(long beforeOffset, CancellationToken cancellationToken = default);

    /// <summary>Closes an aged segment, applies retention, and frees bytes that are due. It serves partitions that nobody else has open.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    [Alias("MaintainAsync")]
    ValueTask MaintainAsync(CancellationToken cancellationToken = default);

    /// <summary>Ends the log of a topic that the catalogue has removed, and frees its bytes. Repeating it is harmless.</summary>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <exception cref="StreamException">Not all bytes could be freed; try again.</exception>
    [Alias("DeleteAsync")]
    ValueTask DeleteAsync(CancellationToken cancellationToken = default);
}

/// <summary>The key of a partition's grain, and the folder of its bytes: <c>{topicId:N}/{partition}</c>.</summary>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Partition">The partition's number.</param>
[GenerateSerializer, Immutable, Alias("os.PartitionKey")]
public readonly record struct PartitionKey([property: Id(0)] Guid TopicId, [property: Id(1)] int Partition)
{
    /// <summary>The key's text.</summary>
    public override string ToString() => $"{TopicId:N}/{Partition}";

    /// <summary>Reads a key's text.</summary>
    /// <param name="text">The result of <see cref="ToString"/>.</param>
    /// <exception cref="FormatException">The text is not a key.</exception>
    public static PartitionKey Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !Guid.TryParseExact(text.AsSpan(0, slash), "N", out var id)
            || !int.TryParse(text.AsSpan(slash + 1), System.Globalization.NumberStyles.None, null, out var partition))
        {
            throw new FormatException($"'{text}' is not a partition key '{{topicId}}/{{partition}}'.");
        }

        return new PartitionKey(id, partition);
    }
}
