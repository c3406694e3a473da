using OrleansStream.Partitions;

namespace OrleansStream.Gateway.Reading;

/// <summary>A read of one partition that goes on behind the read of its set, which was answered without it. Its answer is not kept.</summary>
internal sealed class LateRead
{
    private volatile bool _isOver;

    /// <summary>Goes on with a read.</summary>
    /// <param name="reading">The read.</param>
    /// <param name="woken">Is set when the read is over.</param>
    public LateRead(Task<FetchResponse> reading, WakeSignal woken) => _ = WatchAsync(reading, woken);

    /// <summary>True once the partition has answered, so that it can be read again.</summary>
    public bool IsOver => _isOver;

    private async Task WatchAsync(Task reading, WakeSignal woken)
    {
        await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _isOver = true;
        woken.Set();
    }
}
