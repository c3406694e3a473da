using Microsoft.Extensions.Logging;
using Orleans.Storage;
using OrleansStream.Errors;

namespace OrleansStream.Persistence;

/// <summary>
/// Logs failed reads of grain state, once a minute and name. A grain whose state cannot be read is activated again at each call to it, so each
/// failure would be a line; the runtime's own lines about failed activations are left out of the log for the same reason.
/// </summary>
/// <remarks>Writes and clears are told by the grains, which know what is lost with them.</remarks>
/// <param name="storage">The storage.</param>
/// <param name="failures">Counts failures.</param>
/// <param name="loggers">Makes the log that is told.</param>
internal sealed partial class LoggedGrainStorage(IGrainStorage storage, RepeatedFailures failures, ILoggerFactory loggers) : IGrainStorage
{
    /// <summary>Under which name it is told. The runtime's own lines about a storage have the name of its class.</summary>
    public const string LogCategory = "OrleansStream.States";

    private readonly ILogger _logger = loggers.CreateLogger(LogCategory);

    /// <inheritdoc/>
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ReadStateAsync(stateName, grainId, grainState, CancellationToken.None);

    /// <inheritdoc/>
    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        try
        {
            await storage.ReadStateAsync(stateName, grainId, grainState, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            if (failures.IsToTell($"read {stateName} of {grainId}", out var count))
                LogNotRead(_logger, e, stateName, grainId, count);
            throw;
        }
    }

    /// <inheritdoc/>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        WriteStateAsync(stateName, grainId, grainState, CancellationToken.None);

    /// <inheritdoc/>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken) =>
        storage.WriteStateAsync(stateName, grainId, grainState, cancellationToken);

    /// <inheritdoc/>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ClearStateAsync(stateName, grainId, grainState, CancellationToken.None);

    /// <inheritdoc/>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken) =>
        storage.ClearStateAsync(stateName, grainId, grainState, cancellationToken);

    [LoggerMessage(
        Level = LogLevel.Error, Message = "The state {State} of grain {Grain} could not be read; failures since this was last said: {Failures}")]
    private static partial void LogNotRead(ILogger logger, Exception exception, string state, GrainId grain, int failures);
}
