using System.Runtime.ExceptionServices;
using System.Text.Json;
using Azure;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using OrleansStream.Storage;
using OrleansStream.Storage.Azure;

namespace OrleansStream.Persistence;

/// <summary>
/// Grain state in a storage account. The package Microsoft.Orleans.Persistence.AzureStorage reads and writes it; this says what came of each
/// call, in the terms of <see cref="DocumentGrainStorage"/>, which the grains know.
/// </summary>
/// <remarks>
/// The package sends each request once and tells what the account said. Here calls are repeated, and a write whose reply was lost looks for
/// its own work by <see cref="StateDocument{T}.Write"/>: <see cref="InconsistentStateException"/> means that another activation wrote, never
/// that this one did. Where the outcome stays open it is a <see cref="StoreUnavailableException"/>, and the grain must go away and be read again.
/// </remarks>
/// <param name="official">The package's storage, whose client repeats nothing by itself, over <see cref="AzureStateBlobs"/>.</param>
/// <param name="container">The container.</param>
/// <param name="cluster">The service whose grains' states these are.</param>
/// <param name="options">How the state is cleared.</param>
/// <param name="activators">Makes empty states.</param>
internal sealed class AzureGrainStorage(
    IGrainStorage official, AzureBlobContainer container, IOptions<ClusterOptions> cluster, DocumentGrainStorageOptions options,
    IActivatorProvider activators) : IGrainStorage
{
    /// <summary>The name that the package's storage is registered by.</summary>
    public const string OfficialName = "azure-blobs";

    private readonly IDocumentStore _documents = container.Documents;
    private readonly AzureBlobRetry _retry = container.Retry;

    /// <summary>Sets up the package's storage for this one.</summary>
    /// <param name="options">Its options.</param>
    /// <param name="container">The container.</param>
    public static void Configure(AzureBlobStorageOptions options, AzureBlobContainer container)
    {
        options.BlobServiceClient = container.Service;
        options.ContainerName = container.Name;
        options.GrainStorageSerializer = new StateSerializer();
        options.BuildContainerFactory = (_, _) => new AzureStateBlobs(container.Blobs);
    }

    /// <inheritdoc/>
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ReadStateAsync(stateName, grainId, grainState, CancellationToken.None);

    /// <inheritdoc/>
    public async Task ReadStateAsync<T>(
        string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var name = NameOf(stateName, grainId);
        var (stored, eTag) = await _retry.ReadAsync(
            $"read the state '{name}'", (_, token) => ReadAsync<T>(name, grainId, token), cancellationToken);
        stored.CopyTo(grainState, eTag, activators);
    }

    /// <inheritdoc/>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        WriteStateAsync(stateName, grainId, grainState, CancellationToken.None);

    /// <inheritdoc/>
    public async Task WriteStateAsync<T>(
        string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var name = NameOf(stateName, grainId);
        grainState.ETag = await WriteAsync(name, grainId, exists: true, grainState.State, grainState.ETag, cancellationToken);
        grainState.RecordExists = true;
    }

    /// <inheritdoc/>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ClearStateAsync(stateName, grainId, grainState, CancellationToken.None);

    /// <inheritdoc/>
    /// <remarks>A state that is gone already, with the etag given, counts as cleared.</remarks>
    public async Task ClearStateAsync<T>(
        string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var name = NameOf(stateName, grainId);
        string? eTag = null;
        if (!options.DeleteStateOnClear)
            eTag = await WriteAsync<T>(name, grainId, exists: false, default, grainState.ETag, cancellationToken);
        else if (grainState.ETag is not null)
            await DeleteAsync<T>(name, grainId, grainState.ETag, cancellationToken);
        // Without an etag there must be nothing, and there is nothing to delete.
        else if (await _documents.ReadAsync(name, cancellationToken) is { } other)
            throw StateFailure.Conflict(name, other, eTag: null);
        default(StateDocument<T>).CopyTo(grainState, eTag, activators);
    }

    private async Task<(StateDocument<T> Stored, string? ETag)> ReadAsync<T>(
        string name, GrainId grainId, CancellationToken cancellationToken)
    {
        var read = new GrainState<StateDocument<T>>();
        try
        {
            await official.ReadStateAsync(name, grainId, read).WaitAsync(cancellationToken);
        }
        catch (JsonException e)
        {
            throw StateDocument.Corrupt(name, e);
        }

        if (read.ETag is not null)
            return (StateDocument.Check(name, read.State), read.ETag);
        // The package takes whatever is not found for a state that is not there, also the whole container. This read does not.
        return await _documents.ReadAsync(name, cancellationToken) is { } document
            ? (StateDocument.Parse<T>(name, document.Bytes.Span), document.ETag)
            : default;
    }

    private ValueTask<string> WriteAsync<T>(
        string name, GrainId grainId, bool exists, T? state, string? eTag, CancellationToken cancellationToken)
    {
        var write = AzureCreation.NewId();
        var document = new StateDocument<T>(StateDocument.FormatVersion, grainId.ToString(), exists, state, write);
        return _retry.WriteAsync(
            $"write the state '{name}'",
            async (mayBeDone, token) =>
            {
                // A creation is not sent again: a late first one could bring back what was cleared since. A replacement can be: an etag
                // never comes back, so at most one of the tries takes effect.
                if (mayBeDone && eTag is null)
                    return await FindAsync<T>(name, write, token);
                var written = new GrainState<StateDocument<T>>(document) { ETag = eTag };
                try
                {
                    await SendAsync(official.WriteStateAsync(name, grainId, written), token);
                    return written.ETag!;
                }
                catch (InconsistentStateException)
                {
                    return mayBeDone
                        ? await FindAsync<T>(name, write, token)
                        : throw StateFailure.Conflict(name, await _documents.ReadAsync(name, token), eTag);
                }
            },
            cancellationToken);
    }

    /// <summary>Finds what a write left whose reply was lost.</summary>
    /// <returns>Its etag.</returns>
    /// <exception cref="StoreUnavailableException">Something else is there: over this write's work, or in place of it.</exception>
    private async Task<string> FindAsync<T>(string name, string write, CancellationToken cancellationToken)
    {
        var stored = await _documents.ReadAsync(name, cancellationToken);
        if (stored is { } found && StateDocument.Parse<T>(name, found.Bytes.Span).Write == write)
            return found.ETag;
        var there = stored is null ? "nothing is" : "another version is";
        throw new StoreUnavailableException(
            $"The outcome of writing the state '{name}' is not known: a request or reply was lost, and {there} there now.");
    }

    private async Task DeleteAsync<T>(string name, GrainId grainId, string eTag, CancellationToken cancellationToken) =>
        await _retry.WriteAsync(
            $"clear the state '{name}'",
            async (mayBeDone, token) =>
            {
                InconsistentStateException? conflict = null;
                try
                {
                    await SendAsync(official.ClearStateAsync(name, grainId, new GrainState<StateDocument<T>> { ETag = eTag }), token);
                }
                catch (InconsistentStateException e)
                {
                    conflict = e;
                }

                // A container that is gone counts as cleared with the package; a condition on a blob that is gone may count as a conflict.
                var stored = await _documents.ReadAsync(name, token);
                if (conflict is null || stored is null)
                    return true;
                throw mayBeDone
                    ? new StoreUnavailableException($"The state '{name}' changed while it was cleared.", conflict)
                    : StateFailure.Conflict(name, stored, eTag);
            },
            cancellationToken);

    /// <summary>Waits for a call of the package's that changes something; only a real conflict is told as inconsistent.</summary>
    private static async Task SendAsync(Task call, CancellationToken cancellationToken)
    {
        try
        {
            await call.WaitAsync(cancellationToken);
        }
        // The package calls every 404, 409 and 412 inconsistent, also those of a container that is being deleted.
        catch (InconsistentStateException e) when (e.InnerException is RequestFailedException failure
            && !AzureBlobErrors.IsConflict(failure) && !AzureBlobErrors.IsMissing(failure))
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    private string NameOf(string stateName, GrainId grainId) => StateDocumentName.Of(cluster.Value.ServiceId, stateName, grainId);
}
