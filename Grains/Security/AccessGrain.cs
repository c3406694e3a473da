using System.Collections.Immutable;
using Orleans.Concurrency;
using OrleansStream.Errors;

namespace OrleansStream.Security;

/// <summary>A silo's <see cref="AccessDocuments"/>, for nodes in other processes.</summary>
/// <remarks>Reentrant: it has no state of its own, and the documents are changed by compare-and-swap.</remarks>
[StatelessWorker, Reentrant, GrainType("access")]
internal sealed class AccessGrain(AccessDocuments documents, TimeProvider time) : Grain, IAccessGrain
{
    /// <inheritdoc/>
    public async ValueTask<AccessRulesResponse> ReadAsync(string? knownVersion, bool isFresh)
    {
        var (version, document) = await TryAsync(() => documents.ReadAsync(isFresh ? TimeSpan.Zero : AccessLimits.DocumentAgeMax));
        return new AccessRulesResponse(version, version == knownVersion ? null : document.ToStored());
    }

    /// <inheritdoc/>
    public ValueTask<StreamError?> AddKeyAsync(ApiKey key) =>
        TryAsync(() => documents.ChangeAsync<StreamError?>(document => AccessChanges.AddKey(document, key)));

    /// <inheritdoc/>
    public ValueTask<bool> RemoveKeyAsync(string id) => TryAsync(() => documents.ChangeAsync(document => AccessChanges.RemoveKey(document, id)));

    /// <inheritdoc/>
    public ValueTask<StreamError?> PutRightAsync(AccessRight right) =>
        TryAsync(() => documents.ChangeAsync<StreamError?>(document => AccessChanges.PutRight(document, right)));

    /// <inheritdoc/>
    public ValueTask<int> RemoveRightsAsync(ImmutableArray<AccessRight> rights) =>
        TryAsync(() => documents.ChangeAsync(document => AccessChanges.RemoveRights(document, rights)));

    /// <inheritdoc/>
    public ValueTask<StreamError?> ChangeRightsAsync(ImmutableArray<RightChange> changes) =>
        TryAsync(() => documents.ChangeAsync<StreamError?>(document => AccessChanges.ChangeRights(document, changes)));

    /// <inheritdoc/>
    public async ValueTask NoteUseAsync(ImmutableArray<string> ids)
    {
        var now = time.GetUtcNow();
        var hour = new DateTimeOffset(now.Ticks - now.Ticks % AccessLimits.LastUsedStep.Ticks, TimeSpan.Zero);
        await TryAsync(() => documents.ChangeAsync(document => AccessChanges.NoteUse(document, ids, hour)));
    }

    private static async ValueTask<T> TryAsync<T>(Func<ValueTask<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (Exception e) when (AccessDocuments.Explain(e) is { } explained)
        {
            throw explained;
        }
    }
}
