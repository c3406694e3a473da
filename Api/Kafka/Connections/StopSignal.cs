namespace OrleansStream.Kafka.Connections;

/// <summary>Tells those who wait on behalf of clients that the service stops.</summary>
internal sealed class StopSignal : IDisposable
{
    private readonly CancellationTokenSource _source = new();

    /// <summary>Cancelled when the service stops.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Gives the signal.</summary>
    public Task GiveAsync() => _source.CancelAsync();

    /// <inheritdoc/>
    public void Dispose() => _source.Dispose();
}
