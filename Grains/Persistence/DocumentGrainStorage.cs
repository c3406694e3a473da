using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using OrleansStream.Storage;

namespace OrleansStream.Persistence;

/// <summary>
/// Grain state in documents, one document for each state, as JSON that a person can read. The state's etag is the document's. It is used with the
/// stores of a single process.
/// </summary>
/// <remarks>
/// A write that meets another etag throws <see cref="InconsistentStateException"/>, and the runtime then drops the stale activation. After a
/// <see cref="StoreUnavailableException"/> from a write, its outcome and the grain's etag are unknown. The grain must then deactivate, so that its
/// state is read again.
/// </remarks>
/// <param name="documents">The store of the documents.</param>
/// <param name="cluster">The service to which the grains belong.</param>
/// <param name="options">How a state is cleared.</param>
/// <param name="activators">Makes empty states.</param>
internal sealed class DocumentGrainStorage(
    IDocumentStore documents, IOptions<ClusterOptions> cluster, DocumentGrainStorageOptions options,
    IActivatorProvider activators) : IGrainStorage
{
    /// <summary>The name by which grains ask for this storage.</summary>
    public const string ProviderName = "documents";

    /// <inheritdoc/>
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ReadStateAsync(stateName, grainId, grainState, CancellationToken.None);

    /// <inheritdoc/>
    public async Task ReadStateAsync<T>(
        string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var name = NameOf(stateName, grainId);
        if (await documents.ReadAsync(name, cancellationToken) is { } document)
            StateDocument.Parse<T>(name, document.Bytes.Span).CopyTo(grainState, document.ETag, activators);
        else
            default(StateDocument<T>).CopyTo(grainState, eTag: null, activators);
    }

    /// <inheritdoc/>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        WriteStateAsync(stateName, grainId, grainState, CancellationToken.None);

    /// <inheritdoc/>
    public async Task WriteStateAsync<T>(
        string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var stored = new StateDocument<T>(StateDocument.FormatVersion, grainId.ToString(), Exists: true, grainState.State);
        grainState.ETag = await WriteAsync(stateName, grainId, stored, grainState.ETag, cancellationToken);
        grainState.RecordExists = true;
    }

    /// <inheritdoc/>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ClearStateAsync(stateName, grainId, grainState, CancellationToken.None);

    /// <inheritdoc/>
    public async Task ClearStateAsync<T>(
        string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        if (!options.DeleteStateOnClear)
        {
            var cleared = new StateDocument<T>(StateDocument.FormatVersion, grainId.ToString(), Exists: false, default);
            var eTag = await WriteAsync(stateName, grainId, cleared, grainState.ETag, cancellationToken);
            cleared.CopyTo(grainState, eTag, activators);
            return;
        }

        var name = NameOf(stateName, grainId);
        // Without an etag the state must not exist. It is checked here, because the store takes "no etag" for "any version".
        var done = grainState.ETag is null
            ? await documents.ReadAsync(name, cancellationToken) is null
            : await documents.DeleteAsync(name, grainState.ETag, cancellationToken);
        if (!done)
            throw await ConflictAsync(name, grainState.ETag, cancellationToken);
        default(StateDocument<T>).CopyTo(grainState, eTag: null, activators);
    }

    private async Task<string> WriteAsync<T>(
        string stateName, GrainId grainId, StateDocument<T> stored, string? eTag, CancellationToken cancellationToken)
    {
        var name = NameOf(stateName, grainId);
        return await documents.WriteAsync(name, StateDocument.ToBytes(stored), eTag, cancellationToken)
            ?? throw await ConflictAsync(name, eTag, cancellationToken);
    }

    private async Task<InconsistentStateException> ConflictAsync(string name, string? eTag, CancellationToken cancellationToken) =>
        StateFailure.Conflict(name, await documents.ReadAsync(name, cancellationToken), eTag);

    private string NameOf(string stateName, GrainId grainId) =>
        StateDocumentName.Of(cluster.Value.ServiceId, stateName, grainId);
}

/// <summary>Options of the storage of grain states.</summary>
internal sealed record DocumentGrainStorageOptions
{
    /// <summary>True to delete the document of a cleared state; false to keep an empty one. Default true.</summary>
    public bool DeleteStateOnClear { get; init; } = true;
}
