namespace OrleansStream.Hosting;

/// <summary>Gives up calls of a client that may have been lost with a connection to a gateway, long before their own time is over.</summary>
/// <remarks>
/// A client's call goes through one gateway, and Orleans does not tell its caller when that one's connection is gone: the caller would wait
/// for its response timeout. Which calls went through it is not told either, so all that were under way then and are not
/// answered a moment later are given up. Reads and appends with an identity are safe to repeat, and what else there is says that its
/// outcome is unknown. A gateway that hangs keeps its connections; those are closed when the cluster has declared it dead.
/// </remarks>
/// <param name="time">The clock.</param>
internal sealed class GatewayLoss(TimeProvider time) : IOutgoingGrainCallFilter, IClusterConnectionStatusObserver, IDisposable
{
    // Cancelled a moment after a connection was lost, for the calls that began before.
    private CancellationTokenSource _loss = new();

    /// <inheritdoc/>
    public async Task Invoke(IOutgoingGrainCallContext context)
    {
        var lost = Volatile.Read(ref _loss).Token;
        var call = context.Invoke();
        try
        {
            await call.WaitAsync(lost);
        }
        catch (OperationCanceledException) when (lost.IsCancellationRequested && !call.IsCompleted)
        {
            call.Ignore();
            throw new SiloUnavailableException("The connection to a gateway was lost, and the call was not answered through another.");
        }
    }

    /// <inheritdoc/>
    public void NotifyGatewayCountChanged(int currentNumberOfGateways, int previousNumberOfGateways, bool connectionRecovered)
    {
        if (currentNumberOfGateways < previousNumberOfGateways)
            GiveUpAsync(Interlocked.Exchange(ref _loss, new CancellationTokenSource())).Ignore();
    }

    /// <inheritdoc/>
    public void NotifyClusterConnectionLost()
    {
        // The last connection is counted as any other.
    }

    /// <inheritdoc/>
    public void Dispose() => _loss.Dispose();

    private async Task GiveUpAsync(CancellationTokenSource loss)
    {
        await Task.Delay(ClusterLimits.GatewayLossGrace, time);
        await loss.CancelAsync();
    }
}
