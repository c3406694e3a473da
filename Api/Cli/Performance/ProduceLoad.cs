using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Terminal;
using OrleansStream.Cli.Texts;
using OrleansStream.Client.Producing;

namespace OrleansStream.Cli.Performance;

/// <summary>Sends records and measures how long each takes, from the moment at which it was due to its answer.</summary>
/// <param name="call">The run: its service, its clock and its output.</param>
/// <param name="topic">The topic that the records are sent to.</param>
/// <param name="count">How many records are sent.</param>
/// <param name="size">The length of each value, in bytes.</param>
/// <param name="rate">Records a second; 0 for as fast as it goes.</param>
/// <param name="keys">How many different keys; 0 for none.</param>
/// <param name="unansweredMax">The most records without an answer.</param>
internal sealed class ProduceLoad(Call call, string topic, int count, int size, int rate, int keys, int unansweredMax) : IDisposable
{
    // Records that are due at the same step are sent together.
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);

    private readonly SemaphoreSlim _free = new(unansweredMax, unansweredMax);
    private readonly Lock _gate = new();
    private Exception? _failure;

    /// <summary>The topic that the records are sent to.</summary>
    public string Topic => topic;

    /// <summary>How many records the service has said to be stored.</summary>
    public long Answered { get; private set; }

    /// <summary>How long it took, in seconds.</summary>
    public double Seconds { get; private set; }

    /// <summary>How long the records took.</summary>
    public Latencies Latencies { get; } = new();

    /// <summary>Sends all records and waits for their answers.</summary>
    /// <param name="configure">Sets the producer's options.</param>
    public async Task RunAsync(Action<ProducerOptions> configure)
    {
        await using var producer = call.Client.CreateProducer(topic, configure);
        // Not measured, and asked once: not by each record that waits for it.
        await call.Admin.Topics.GetAsync(topic, call.Stop);
        var started = call.Time.GetTimestamp();
        await Drawing.WithProgressAsync(
            call.Screen, call.Time, count, () => (Answered, $"{Sizes.Records(Answered)}, {Answered / Math.Max(0.001, call.Time.GetElapsedTime(started).TotalSeconds):N0}/s"),
            async () =>
            {
                await SendAsync(producer, started);
                // All of them are free again once each has an answer.
                for (var i = 0; i < unansweredMax; i++)
                    await _free.WaitAsync(call.Stop);
            });
        Seconds = call.Time.GetElapsedTime(started).TotalSeconds;
        if (_failure is not null)
            throw _failure;
    }

    /// <inheritdoc/>
    public void Dispose() => _free.Dispose();

    private async Task SendAsync(StreamProducer producer, long started)
    {
        // Bytes that compress as text does, neither to nothing nor not at all.
        var value = new byte[size];
        for (var i = 0; i < size; i++)
            value[i] = (byte)('a' + i * 7 % 26);
        using var timer = rate > 0 ? new PeriodicTimer(Step, call.Time) : null;
        for (var sent = 0; sent < count && _failure is null;)
        {
            var due = rate > 0 ? Math.Min(count, (long)(call.Time.GetElapsedTime(started).TotalSeconds * rate) + 1) : count;
            for (; sent < due && _failure is null; sent++)
            {
                await _free.WaitAsync(call.Stop);
                // Waiting for others is time that the record takes.
                var dueAt = rate > 0 ? sent / (double)rate : call.Time.GetElapsedTime(started).TotalSeconds;
                _ = AwaitAsync(producer.SendAsync(new OutgoingRecord<byte[]>(keys > 0 ? $"key-{sent % keys}" : null, value), call.Stop), started, dueAt);
            }

            if (timer is not null && sent < count)
                await timer.WaitForNextTickAsync(call.Stop);
        }
    }

    private async Task AwaitAsync(Task<SendResult> sending, long started, double dueAt)
    {
        try
        {
            await sending;
            lock (_gate)
            {
                Answered++;
                Latencies.Add(call.Time.GetElapsedTime(started).TotalSeconds - dueAt);
            }
        }
        catch (Exception exception)
        {
            Interlocked.CompareExchange(ref _failure, exception, null);
        }
        finally
        {
            _free.Release();
        }
    }
}
