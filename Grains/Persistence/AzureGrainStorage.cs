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
/// Grain state in a storage account. The package Microsoft.Orleans.Persistence.AzureStorage reads and writes it. This class reports the outcome of
/// each call as <see cref="DocumentGrainStorage"/> does, which is what the grains expect.
/// </summary>
/// <remarks>
/// The package sends each request once and reports the account's answer. This class repeats calls. When the reply to a write was lost, it looks for
/// the write's own document by <see cref="StateDocument{T}.Write"/>. So <see cref="InconsistentStateException"/> always means that another activation
/// wrote, and never this one. If the outcome stays unknown, it throws <see cref="StoreUnavailableException"/>; the grain must then deactivate, so
/// that its state is read again.
/// </remarks>
/// <param name="official">The package's storage, over <see cref="AzureStateBlobs"/>. Its client does not retry by itself.</param>
/// <param name="container">The container.</param>
/// <param name="cluster">The service to which the grains belong.</param>
/// <param name="options">How a state is cleared.</param>
/// <param name="activators">Makes empty states.</param>
internal sealed class AzureGrainStorage(
    IGrainStorage official, AzureBlobContainer container, IOptions<ClusterOptions> cluster, DocumentGrainStorageOptions options,
    IActivatorProvider activators) : IGrainStorage
{
    /// <summary>The name under which the package's storage is registered.</summary>
    public const string OfficialName = "azure-blobs";

    private readonly IDocumentStore _documents = container.Documents;
    private readonly AzureBlobRetry _retry = container.Retry;

    /// <summary>Configures the package's storage for use by this class.</summary>
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
    /// <remarks>Clearing a state that is gone already, with its last etag, succeeds.</remarks>
    public async Task ClearStateAsync<T>(
        string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var name = NameOf(stateName, grainId);
        string? eTag = null;
        if (!options.DeleteStateOnClear)
            eTag = await WriteAsync<T>(name, grainId, exists: false, default, grainState.ETag, cancellationToken);
        else if (grainState.ETag is not null)
            await DeleteAsync<T>(name, grainId, grainState.ETag, cancellationToken);
        // Without an etag the state must not exist, so there is nothing to delete.
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
        // The package reports anything that is not found, even the whole container, as a missing state. This read does not.
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
                // A creation is not sent again, because a late first try could bring back what was cleared since. A replacement may be sent again: an
                // etag is never reused, so at most one of the tries takes effect.
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

    /// <summary>Finds the document of a write whose reply was lost.</summary>
    /// <returns>Its etag.</returns>
    /// <exception cref="StoreUnavailableException">
    /// Another version is there, or nothing. It may have replaced this write's document or come before it.
    /// </exception>
    private async Task<string> FindAsync<T>(string name, string write, CancellationToken cancellationToken)
    {
        var stored = await _documents.ReadAsync(name, cancellationToken);
        if (stored is { } found && StateDocument.Parse<T>(name, found.Bytes.Span).Write == write)
            return found.ETag;
        var there = stored is null ? "no state is" : "another version is";
        throw new StoreUnavailableException(
            $"The outcome of writing the state '{name}' is unknown: a request or reply was lost, and {there} there now.");
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

                // The package reports a missing container as cleared. A condition on a blob that is gone may be a conflict.
                var stored = await _documents.ReadAsync(name, token);
                if (conflict is null || stored is null)
                    return true;
                throw mayBeDone
                    ? new StoreUnavailableException($"The state '{name}' changed while it was cleared.", conflict)
                    : StateFailure.Conflict(name, stored, eTag);
            },
            cancellationToken);

    /// <summary>Waits for a changing call of the package. Only a real conflict is thrown as inconsistent.</summary>
    private static async Task SendAsync(Task call, CancellationToken cancellationToken)
    {
        try
        {
            await call.WaitAsync(cancellationToken);
        }
        // The package reports every 404, 409 and 412 as inconsistent, also those of a container that is being deleted.
        catch (InconsistentStateException e) when (e.InnerException is RequestFailedException failure
            && !AzureBlobErrors.IsConflict(failure) && !AzureBlobErrors.IsMissing(failure))
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    private string NameOf(string stateName, GrainId grainId) => StateDocumentName.Of(cluster.Value.ServiceId, stateName, grainId);
}
