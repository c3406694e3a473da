using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using OrleansStream.Storage;

namespace OrleansStream.Persistence;

/// <summary>Grain state in documents, one each, as JSON that a person can read; its etag is the document's. For the stores of one process.</summary>
/// <remarks>
/// A write that meets another etag throws <see cref="InconsistentStateException"/>, which makes the runtime drop the stale
/// activation. A <see cref="StoreUnavailableException"/> from a write leaves its outcome open, and the grain's etag with it:
/// the grain must then go away and be read again.
/// </remarks>
/// <param name="documents">Where the documents are.</param>
/// <param name="cluster">The service whose grains' states these are.</param>
/// <param name="options">How the state is cleared.</param>
/// <param name="activators">Makes empty states.</param>
internal sealed class DocumentGrainStorage(
    IDocumentStore documents, IOptions<ClusterOptions> cluster, DocumentGrainStorageOptions options,
    IActivatorProvider activators) : IGrainStorage
{
    /// <summary>The name grains ask for this storage by.</summary>
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
        // Without an etag there must be nothing: the store would take "no etag" for "whatever is there".
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

/// <summary>How grain state is kept.</summary>
internal sealed record DocumentGrainStorageOptions
{
    /// <summary>True to delete a cleared state's document, false to leave an empty one. Default true.</summary>
    public bool DeleteStateOnClear { get; init; } = true;
}
