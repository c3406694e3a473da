using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Security;

/// <summary>
/// The stored keys and rights. Every silo has a grain of its own, with key <see cref="Key"/>; each change is one compare-and-swap of one document.
/// </summary>
/// <remarks>
/// A change is stored before it is answered. Every method throws <see cref="StreamException"/> when the store cannot be asked, so that no caller
/// takes the failure for an empty list.
/// </remarks>
[Alias("os.IAccessGrain")]
public interface IAccessGrain : IGrainWithStringKey
{
    /// <summary>The key of the grain.</summary>
    const string Key = "access";

    /// <summary>Reads keys and rights, at most <see cref="AccessLimits.DocumentAgeMax"/> old.</summary>
    /// <param name="knownVersion">The version that the caller has; null for none.</param>
    /// <param name="isFresh">True to read the store now, because the caller has reason to believe that the document has changed.</param>
    [Alias("ReadAsync")]
    ValueTask<AccessRulesResponse> ReadAsync(string? knownVersion, bool isFresh);

    /// <summary>Adds a key. Repeating the call is harmless.</summary>
    /// <param name="key">The key.</param>
    /// <returns>Null when done; else the error: another key has the id, or a limit is reached.</returns>
    [Alias("AddKeyAsync")]
    ValueTask<StreamError?> AddKeyAsync(ApiKey key);

    /// <summary>Removes a key.</summary>
    /// <param name="id">The key's id.</param>
    /// <returns>False when there was no such key.</returns>
    [Alias("RemoveKeyAsync")]
    ValueTask<bool> RemoveKeyAsync(string id);

    /// <summary>Grants a right. It replaces the right that the principal has on the same resource.</summary>
    /// <param name="right">The right.</param>
    /// <returns>Null when done; else the limit that is reached.</returns>
    [Alias("PutRightAsync")]
    ValueTask<StreamError?> PutRightAsync(AccessRight right);

    /// <summary>Revokes rights.</summary>
    /// <param name="rights">The rights, found by principal and resource; their operations do not matter.</param>
    /// <returns>The count of revoked rights.</returns>
    [Alias("RemoveRightsAsync")]
    ValueTask<int> RemoveRightsAsync(ImmutableArray<AccessRight> rights);

    /// <summary>
    /// Adds operations to rights and removes some, all in one change. A right that has no operation left is revoked. Repeating the call is harmless.
    /// </summary>
    /// <param name="changes">The changes, in their order.</param>
    /// <returns>Null when done; else the limit that is reached, and nothing is changed.</returns>
    [Alias("ChangeRightsAsync")]
    ValueTask<StreamError?> ChangeRightsAsync(ImmutableArray<RightChange> changes);

    /// <summary>Notes that keys were used. The time is kept to the hour.</summary>
    /// <param name="ids">The ids of the keys.</param>
    [Alias("NoteUseAsync")]
    ValueTask NoteUseAsync(ImmutableArray<string> ids);
}

/// <summary>The keys and rights of a version.</summary>
/// <param name="Version">The version. Every change makes a new one, also a change that undoes another.</param>
/// <param name="Rules">The keys and rights; null when the caller has this version.</param>
[GenerateSerializer, Immutable, Alias("os.AccessRulesResponse")]
public readonly record struct AccessRulesResponse(
    [property: Id(0)] string Version,
    [property: Id(1)] StoredAccess? Rules);

/// <summary>All keys and rights.</summary>
/// <param name="Keys">The keys.</param>
/// <param name="Rights">The rights.</param>
[GenerateSerializer, Immutable, Alias("os.StoredAccess")]
public sealed record StoredAccess(
    [property: Id(0)] ImmutableArray<ApiKey> Keys,
    [property: Id(1)] ImmutableArray<AccessRight> Rights)
{
    /// <summary>An instance without keys and rights.</summary>
    public static readonly StoredAccess None = new([], []);
}
