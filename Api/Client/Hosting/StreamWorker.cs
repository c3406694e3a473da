using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Hosting;
using OrleansStream.Client.Consuming;

namespace OrleansStream.Client.Hosting;

/// <summary>
/// A background service that works on the records of a topic as a member of a consumer group. It does not hold up the program's start. When the
/// program stops, the worker waits for the running handlers, commits their records, and hands the partitions over; when the host's time for that is
/// over (<c>HostOptions.ShutdownTimeout</c>), it ends at once, and the group goes on without it when its lease ends.
/// </summary>
/// <typeparam name="T">The type of the records' values.</typeparam>
[SuppressMessage("Design", "CA1001", Justification = "A source of tokens without a timer holds nothing.")]
public abstract class StreamWorker<T> : BackgroundService
{
    private CancellationTokenSource _abandoned = new();

    /// <summary>Prepares the worker.</summary>
    /// <param name="client">The client.</param>
    /// <param name="group">The group, whose members share the topic's partitions.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="configure">Sets what is not to be as usual; null for nothing.</param>
    /// <exception cref="ArgumentException">A setting is out of its bounds; the message names it.</exception>
    protected StreamWorker(OrleansStreamClient client, string group, string topic, Action<ConsumerOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        Consumer = client.Consume<T>(group, topic, configure);
    }

    /// <summary>The consumer: its events, its partitions and its lag.</summary>
    protected StreamConsumer<T> Consumer { get; }

    /// <summary>Works on a record. It is committed after this has returned.</summary>
    /// <param name="record">The record.</param>
    /// <param name="cancellationToken">Cancelled when the record's partition is lost.</param>
    /// <returns>Ends when the record is done with.</returns>
    protected abstract Task HandleAsync(ConsumedRecord<T> record, CancellationToken cancellationToken);

    /// <inheritdoc/>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        // A worker that was stopped, or has ended by itself, may be started again. That the host had no more time then says nothing of this run.
        _abandoned = new CancellationTokenSource();
        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        try
        {
            await base.StopAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (cancellationToken.IsCancellationRequested)
                await _abandoned.CancelAsync().ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Consumer.RunToEndAsync(HandleAsync, stoppingToken, _abandoned.Token);
}
