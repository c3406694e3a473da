using Microsoft.AspNetCore.Hosting.Server;
using OrleansStream.Cluster;
using OrleansStream.Randomness;

namespace OrleansStream.Api.Hosting;

/// <summary>
/// Tells the cluster, as long as this process serves, that there is this Api node. Silos know each other; of an Api node they know only connections,
/// which say neither who it is nor that it serves.
/// </summary>
/// <param name="grains">The way to the grain that keeps the list.</param>
/// <param name="server">Knows where the process listens, once it does.</param>
/// <param name="lifetime">Tells when the process serves, and when it stops.</param>
/// <param name="time">Times the announcements.</param>
/// <param name="random">Gives the node its id.</param>
/// <param name="logger">Logs, at Debug, that the cluster could not be told.</param>
/// <param name="silos">The silos as the one in this process knows them; null where there is none in it.</param>
internal sealed partial class NodeAnnouncement(
    IGrainFactory grains, IServer server, IHostApplicationLifetime lifetime, TimeProvider time, RandomSource random,
    ILogger<NodeAnnouncement> logger, ILiveSilos? silos = null)
    : BackgroundService
{
    /// <summary>The address that people know a node by.</summary>
    /// <param name="url">An address on which it listens; null when none is known.</param>
    /// <returns>The host and the port.</returns>
    internal static string AddressOf(string? url)
    {
        if (url is null)
            return Environment.MachineName;
        var address = BindingAddress.Parse(url);
        var isEverywhere = address.Host is "*" or "+" or "0.0.0.0" or "[::]";
        return $"{(isEverywhere ? Environment.MachineName : address.Host)}:{address.Port}";
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Leaves the list when the stop begins, while the silo in its process can still be called.
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, lifetime.ApplicationStopping);
        try
        {
            await WaitForStartAsync(ending.Token);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        var node = new ApiNode(
            random.NewId(), AddressOf(ListeningAddress.Of(server)), ProgramVersion.Of(typeof(NodeAnnouncement).Assembly), time.GetUtcNow(),
            HasSilo: silos is not null, Environment.MachineName);
        using var timer = new PeriodicTimer(ApiNodeLimits.AnnouncePeriod, time);
        try
        {
            do
                await TellAsync(list => list.AnnounceAsync(node), ApiNodeLimits.AnnouncePeriod, ending.Token);
            while (await timer.WaitForNextTickAsync(ending.Token));
        }
        catch (OperationCanceledException)
        {
            await TellAsync(list => list.LeaveAsync(node.Id), ApiNodeLimits.LeaveMax, CancellationToken.None);
        }
    }

    private async Task WaitForStartAsync(CancellationToken ending)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(ending);
    }

    private async Task TellAsync(Func<IApiNodesGrain, ValueTask> tell, TimeSpan patience, CancellationToken cancellationToken)
    {
        try
        {
            await tell(grains.GetGrain<IApiNodesGrain>(IApiNodesGrain.Key)).AsTask().WaitAsync(patience, time, cancellationToken);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            // The node serves all the same. It is missing from the list until its next announcement.
            LogUntold(logger, exception);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The cluster could not be told of this Api node")]
    private static partial void LogUntold(ILogger logger, Exception exception);
}
