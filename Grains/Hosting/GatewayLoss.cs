namespace OrleansStream.Hosting;

/// <summary>Gives up calls of a client that may have been lost with a connection to a gateway, long before they time out.</summary>
/// <remarks>
/// A client's call goes through one gateway. Orleans does not tell the caller when the connection to that gateway is lost, so the caller would wait
/// for its response timeout. Orleans does not say either which calls went through the gateway. So all calls that were under way then, and are not
/// answered a moment later, are given up. Reads, and appends with an identity, are safe to repeat; the errors of other calls say that the outcome is
/// unknown. A gateway that hangs keeps its connections; they are closed when the cluster has declared it dead.
/// </remarks>
/// <param name="time">Times how long answers are waited for after a loss.</param>
internal sealed class GatewayLoss(TimeProvider time) : IOutgoingGrainCallFilter, IClusterConnectionStatusObserver, IDisposable
{
    // The token of the calls that are under way. It is cancelled a moment after a connection was lost.
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
        // NotifyGatewayCountChanged is called for the last connection, too.
    }

    /// <inheritdoc/>
    public void Dispose() => _loss.Dispose();

    private async Task GiveUpAsync(CancellationTokenSource loss)
    {
        await Task.Delay(ClusterLimits.GatewayLossGrace, time);
        await loss.CancelAsync();
    }
}
