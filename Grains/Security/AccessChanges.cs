using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Security;

/// <summary>The changes of the document. Each returns the next document, or null when nothing changes.</summary>
internal static class AccessChanges
{
    /// <summary>Adds a key.</summary>
    /// <param name="document">The document.</param>
    /// <param name="key">The key.</param>
    public static (AccessDocument? Next, StreamError? Error) AddKey(AccessDocument document, ApiKey key)
    {
        var entry = StoredKey.Of(key);
        if (document.Keys.FirstOrDefault(known => known.Id == key.Id) is { } existing)
        {
            // This is a repeat: the first try was stored, but its answer was lost.
            return existing.Sha256 == entry.Sha256 ? (null, null) : (null, new StreamError(
                StreamErrorCode.KeyAlreadyExists, $"There is a key '{key.Id}'. Take another id, or revoke that one first.") { Field = "key" });
        }

        // Expired keys are removed to make room, because nobody can sign in with them.
        IReadOnlyList<StoredKey> kept = [.. document.Keys.Where(known => known.ExpiresAt is not { } end || end > key.CreatedAt)];
        if (kept.Count >= AccessLimits.KeysMax)
        {
            return (null, new StreamError(StreamErrorCode.PolicyViolation,
                $"There are {kept.Count} keys, and there may be {AccessLimits.KeysMax}. Revoke those that nobody uses."));
        }

        if (kept.Count(known => known.Name == key.Name) >= AccessLimits.KeysPerNameMax)
        {
            return (null, new StreamError(
                StreamErrorCode.PolicyViolation,
                $"'{key.Name}' has {AccessLimits.KeysPerNameMax} keys, which is the most: one that is in use, and the one that takes its place. Revoke one of them.") { Field = "name" });
        }

        return (document with { Keys = [.. kept, entry] }, null);
    }

    /// <summary>Removes a key.</summary>
    /// <param name="document">The document.</param>
    /// <param name="id">The key's id.</param>
    public static (AccessDocument? Next, bool IsRemoved) RemoveKey(AccessDocument document, string id) => document.Keys.Any(key => key.Id == id)
        ? (document with { Keys = [.. document.Keys.Where(key => key.Id != id)] }, true)
        : (null, false);

    /// <summary>Grants a right. It replaces the right that the principal has on the same resource.</summary>
    /// <param name="document">The document.</param>
    /// <param name="right">The right.</param>
    public static (AccessDocument? Next, StreamError? Error) PutRight(AccessDocument document, AccessRight right)
    {
        IReadOnlyList<StoredRight> others = [.. document.Rights.Where(known => !known.ToRight().IsOnSameAs(right))];
        return others.Count < AccessLimits.RightsMax
            ? (document with { Rights = [.. others, StoredRight.Of(right)] }, null)
            : (null, new StreamError(StreamErrorCode.PolicyViolation,
                $"There are {others.Count} rights, and there may be {AccessLimits.RightsMax}. Give some to what names begin with."));
    }

    /// <summary>Revokes rights.</summary>
    /// <param name="document">The document.</param>
    /// <param name="rights">The rights, found by principal and resource; their operations do not matter.</param>
    public static (AccessDocument? Next, int Count) RemoveRights(AccessDocument document, ImmutableArray<AccessRight> rights)
    {
        IReadOnlyList<StoredRight> kept = [.. document.Rights.Where(known => !rights.Any(known.ToRight().IsOnSameAs))];
        var count = document.Rights.Count - kept.Count;
        return (count == 0 ? null : document with { Rights = kept }, count);
    }

    /// <summary>Adds operations to rights and removes some.</summary>
    /// <param name="document">The document.</param>
    /// <param name="changes">The changes, in their order.</param>
    public static (AccessDocument? Next, StreamError? Error) ChangeRights(AccessDocument document, ImmutableArray<RightChange> changes)
    {
        var next = document;
        foreach (var change in changes)
        {
            var before = next.Rights.Select(known => known.ToRight()).FirstOrDefault(change.Right.IsOnSameAs)?.Operations ?? AccessOperations.None;
            var after = (before | change.Added) & ~change.Removed;
            if (after == before)
                continue;
            if (after == AccessOperations.None)
            {
                next = RemoveRights(next, [change.Right]).Next ?? next;
                continue;
            }

            var (put, error) = PutRight(next, change.Right with { Operations = after });
            if (error is not null)
                return (null, error);
            next = put!;
        }

        return (ReferenceEquals(next, document) ? null : next, null);
    }

    /// <summary>Notes that keys were used.</summary>
    /// <param name="document">The document.</param>
    /// <param name="ids">The keys' ids.</param>
    /// <param name="hour">The hour of the use.</param>
    public static (AccessDocument? Next, bool IsNews) NoteUse(AccessDocument document, ImmutableArray<string> ids, DateTimeOffset hour)
    {
        bool IsNews(StoredKey key) => ids.Contains(key.Id) && !(key.LastUsedAt >= hour);
        return document.Keys.Any(IsNews)
            ? (document with { Keys = [.. document.Keys.Select(key => IsNews(key) ? key with { LastUsedAt = hour } : key)] }, true)
            : (null, false);
    }
}
