using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Randomness;

namespace OrleansStream.Kafka.Handlers;

/// <summary>
/// What a client reads over one connection, from fetch to fetch (KIP-227): a request names only what changed, and an answer tells only what is new.
/// </summary>
/// <param name="random">Where its ids come from.</param>
internal sealed class FetchSession(RandomSource random)
{
    private readonly OrderedDictionary<FetchPartitionName, SessionPartition> _partitions = [];
    private int _epoch;

    /// <summary>Its id; 0 while there is none.</summary>
    public int Id { get; private set; }

    /// <summary>The partitions to read, in the order in which they came.</summary>
    public IEnumerable<FetchPartition> Partitions => _partitions.Values.Select(partition => partition.Asked);

    /// <summary>Takes a request in.</summary>
    /// <param name="request">The request.</param>
    /// <param name="isIncremental">True when the answer is to tell only what is new.</param>
    /// <returns>What is wrong with it; then the session is as it was.</returns>
    public KafkaError Take(FetchRequest request, out bool isIncremental)
    {
        isIncremental = request.SessionEpoch > FetchRequest.InitialEpoch;
        if (!isIncremental)
        {
            Begin(request);
            return KafkaError.None;
        }

        if (Id == 0 || request.SessionId != Id)
            return KafkaError.FetchSessionIdNotFound;
        if (request.SessionEpoch != _epoch)
            return KafkaError.InvalidFetchSessionEpoch;
        foreach (var forgotten in request.Forgotten)
            _partitions.Remove(forgotten);
        foreach (var partition in request.Partitions)
            Add(partition);
        _epoch = _epoch == int.MaxValue ? 1 : _epoch + 1;
        return KafkaError.None;
    }

    /// <summary>Tells whether a result is news to the client, and takes note that it is told.</summary>
    /// <param name="result">The result.</param>
    public bool IsNews(in FetchResult result)
    {
        var partition = _partitions[result.Name];
        var told = (result.HighWatermark, result.LogStartOffset);
        if (result.Error == KafkaError.None && result.Records.Count == 0 && partition.Told == told)
            return false;
        _partitions[result.Name] = partition with { Told = told };
        return true;
    }

    private void Begin(FetchRequest request)
    {
        _partitions.Clear();
        foreach (var partition in request.Partitions)
            Add(partition);
        // A new id: a client that missed an answer must not go on with the old session.
        Id = request.SessionEpoch == FetchRequest.FinalEpoch || _partitions.Count == 0 ? 0 : 1 + random.Next(int.MaxValue - 1);
        _epoch = 1;
    }

    private void Add(FetchPartition partition) =>
        _partitions[partition.Name] = new SessionPartition(partition, _partitions.TryGetValue(partition.Name, out var before) ? before.Told : null);

    private readonly record struct SessionPartition(FetchPartition Asked, (long HighWatermark, long LogStartOffset)? Told);
}
