using OrleansStream.Client.Connections;
using OrleansStream.Client.Consuming;
using OrleansStream.Client.Records;
using OrleansStream.Client.Serialization;
using OrleansStream.Contracts;

namespace OrleansStream.Client.Reading;

/// <summary>
/// Reads a topic without a group, from any place and as often as wanted: nothing is committed. Each partition's records come in their order. Stored
/// batches are fetched as they are, which costs the service least.
/// </summary>
/// <typeparam name="T">The type of the records' values.</typeparam>
public sealed class TopicReader<T> : IAsyncEnumerable<ConsumedRecord<T>>
{
    private readonly ServiceConnection _connection;
    private readonly ISerializer<T> _serializer;
    private readonly string _topic;
    private readonly ReaderOptions _options;

    internal TopicReader(ServiceConnection connection, ISerializer<T> serializer, string topic, ReaderOptions options)
    {
        options.Validate();
        (_connection, _serializer, _topic, _options) = (connection, serializer, topic, options);
    }

    /// <summary>
    /// Offsets cannot be read by anybody, and are passed over. It is raised when they are fetched, before the records in front of them are handed
    /// out. A handler that throws ends the loop with its exception. The log is told, too, and they are counted.
    /// </summary>
    public event EventHandler<UnreadableOffsetsEventArgs>? OffsetsUnreadable;

    /// <summary>The records.</summary>
    /// <param name="cancellationToken">Ends the loop with an <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="StreamServiceException">The service refuses, and waiting does not help; such as an offset that is not in the log.</exception>
    /// <exception cref="Exception">
    /// The serializer cannot read a value. What it throws ends the loop, behind the records of the partition that are in front of that one. The log
    /// names the topic, the partition and the offset.
    /// </exception>
    public IAsyncEnumerator<ConsumedRecord<T>> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        new RecordEnumerator<T>(FetchAllAsync(cancellationToken));

    // The records of one answer after the other, each of which whoever takes it disposes. Each partition's next answer is on its way meanwhile.
    private async IAsyncEnumerator<FetchedRecords<T>> FetchAllAsync(CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var underWay = new List<(Task<FetchedRecords<T>> Answer, PartitionFetch<T> Fetch)>();
        try
        {
            foreach (var partition in await PartitionsAsync(cancellationToken).ConfigureAwait(false))
            {
                var fetch = new PartitionFetch<T>(_connection, _serializer, new TopicPartition(_topic, partition), _options, TellUnreadable);
                underWay.Add((fetch.FetchAsync(ended.Token), fetch));
            }

            while (underWay.Count > 0)
            {
                // The first of several that are here is taken, and its partition goes to the end: each has its turn.
                var answered = await Task.WhenAny(underWay.Select(asked => asked.Answer)).ConfigureAwait(false);
                var index = underWay.FindIndex(asked => asked.Answer == answered);
                var fetch = underWay[index].Fetch;
                underWay.RemoveAt(index);
                var records = await answered.ConfigureAwait(false);
                if (!fetch.IsDone)
                    underWay.Add((fetch.FetchAsync(ended.Token), fetch));
                yield return records;
            }
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            foreach (var (answer, _) in underWay)
            {
                await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (answer.IsCompletedSuccessfully)
                    (await answer.ConfigureAwait(false)).Dispose();
            }
        }
    }

    private void TellUnreadable(UnreadableOffsetsEventArgs offsets) => OffsetsUnreadable?.Invoke(this, offsets);

    private async Task<IReadOnlyList<int>> PartitionsAsync(CancellationToken cancellationToken)
    {
        if (_options.Partitions is { } named)
            return named;
        var described = await _connection.WithRetries(ConnectionLimits.RetriesDefault, ConnectionLimits.BackoffDefault).AskAsync(
            HttpMethod.Get, $"v1/topics/{Uri.EscapeDataString(_topic)}", ApiJsonContext.Api.TopicAnswer, body: null, cancellationToken).ConfigureAwait(false);
        return [.. Enumerable.Range(0, described.Partitions)];
    }
}
