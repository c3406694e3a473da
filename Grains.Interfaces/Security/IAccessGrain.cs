using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Security;

/// <summary>Keys and rights, as they are stored. One on every silo, key <see cref="Key"/>: each change is one compare-and-swap of one document.</summary>
/// <remarks>What is answered to a change is stored. Every method throws <see cref="StreamException"/> when the store cannot be asked: nobody may take that for an empty list.</remarks>
[Alias("os.IAccessGrain")]
public interface IAccessGrain : IGrainWithStringKey
{
    /// <summary>The one key of the grain.</summary>
    const string Key = "access";

    /// <summary>Reads keys and rights, at most <see cref="AccessLimits.DocumentAgeMax"/> old.</summary>
    /// <param name="knownVersion">The version that the caller has; null for none.</param>
    /// <param name="isFresh">True to read the store now: the caller has reason to believe that it has changed.</param>
    [Alias("ReadAsync")]
    ValueTask<AccessRulesResponse> ReadAsync(string? knownVersion, bool isFresh);

    /// <summary>Adds a key. Repeating it is harmless.</summary>
    /// <param name="key">The key.</param>
    /// <returns>Null; or that another key has its id, or a limit is reached.</returns>
    [Alias("AddKeyAsync")]
    ValueTask<StreamError?> AddKeyAsync(ApiKey key);

    /// <summary>Removes a key.</summary>
    /// <param name="id">Its id.</param>
    /// <returns>False when there was none.</returns>
    [Alias("RemoveKeyAsync")]
    ValueTask<bool> RemoveKeyAsync(string id);

    /// <summary>Gives a right, in the place of the one that the principal has on the same resource.</summary>
    /// <param name="right">The right.</param>
    /// <returns>Null; or a limit that is reached.</returns>
    [Alias("PutRightAsync")]
    ValueTask<StreamError?> PutRightAsync(AccessRight right);

    /// <summary>Takes rights away.</summary>
    /// <param name="rights">The rights, whatever their operations.</param>
    /// <returns>How many there were.</returns>
    [Alias("RemoveRightsAsync")]
    ValueTask<int> RemoveRightsAsync(ImmutableArray<AccessRight> rights);

    /// <summary>Notes that keys are used. The time is kept to the hour.</summary>
    /// <param name="ids">Their ids.</param>
    [Alias("NoteUseAsync")]
    ValueTask NoteUseAsync(ImmutableArray<string> ids);
}

/// <summary>Keys and rights as of a version.</summary>
/// <param name="Version">The version; it changes with every change, also one that undoes another.</param>
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
    /// <summary>No keys and no rights.</summary>
    public static readonly StoredAccess None = new([], []);
}
