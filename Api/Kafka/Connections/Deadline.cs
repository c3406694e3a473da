namespace OrleansStream.Kafka.Connections;

/// <summary>A time that is set again and again, and costs no memory as long as it does not come. For one user at a time.</summary>
/// <param name="time">The clock that the deadline runs on.</param>
internal sealed class Deadline(TimeProvider time) : IDisposable
{
    private CancellationTokenSource _source = new(Timeout.InfiniteTimeSpan, time);

    /// <summary>Sets it.</summary>
    /// <param name="after">How far from now.</param>
    /// <returns>Cancelled when it comes.</returns>
    public CancellationToken Set(TimeSpan after)
    {
        if (!_source.TryReset())
        {
            _source.Dispose();
            _source = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        }

        _source.CancelAfter(after);
        return _source.Token;
    }

    /// <summary>Takes it back.</summary>
    public void Clear() => _source.CancelAfter(Timeout.InfiniteTimeSpan);

    /// <inheritdoc/>
    public void Dispose() => _source.Dispose();
}
