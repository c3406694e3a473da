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
    public IAsyncEnumerator<ConsumedRecord<T>> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        new RecordEnumerator<T>(FetchAllAsync(cancellationToken));

    // The records of one answer after the other. Each partition's next answer is on its way meanwhile.
    private async IAsyncEnumerator<List<ConsumedRecord<T>>> FetchAllAsync(CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var fetches = new Dictionary<Task<List<ConsumedRecord<T>>>, PartitionFetch<T>>();
        try
        {
            foreach (var partition in await PartitionsAsync(cancellationToken).ConfigureAwait(false))
            {
                var fetch = new PartitionFetch<T>(_connection, _serializer, new TopicPartition(_topic, partition), _options, TellUnreadable);
                fetches.Add(fetch.FetchAsync(ended.Token), fetch);
            }

            while (fetches.Count > 0)
            {
                var answered = await Task.WhenAny(fetches.Keys).ConfigureAwait(false);
                fetches.Remove(answered, out var fetch);
                List<ConsumedRecord<T>> records;
                try
                {
                    records = await answered.ConfigureAwait(false);
                }
                catch
                {
                    fetch!.Dispose();
                    throw;
                }

                if (fetch!.IsDone)
                    fetch.Dispose();
                else
                    fetches.Add(fetch.FetchAsync(ended.Token), fetch);
                yield return records;
            }
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            foreach (var (answer, fetch) in fetches)
            {
                await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                fetch.Dispose();
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
