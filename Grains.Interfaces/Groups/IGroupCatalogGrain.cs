using Orleans.Concurrency;
using OrleansStream.Errors;

namespace OrleansStream.Groups;

/// <summary>
/// The names of all groups. There is one grain, with key <see cref="Key"/>; it is called when a group is created, ends or is listed.
/// </summary>
[Alias("os.IGroupCatalogGrain")]
public interface IGroupCatalogGrain : IGrainWithStringKey
{
    /// <summary>The key of the one catalogue.</summary>
    const string Key = "groups";

    /// <summary>Adds a group before the group is created; repeating it is harmless.</summary>
    /// <param name="name">A valid name.</param>
    /// <returns>Null when done; else the limit that is reached.</returns>
    /// <exception cref="StreamException">The catalogue could not be stored; retry.</exception>
    [Alias("RegisterAsync"), AlwaysInterleave]
    Task<StreamError?> RegisterAsync(string name);

    /// <summary>Removes a group that has ended; repeating it is harmless.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="StreamException">The catalogue could not be stored; retry.</exception>
    [Alias("RemoveAsync"), AlwaysInterleave]
    Task RemoveAsync(string name);

    /// <summary>Lists groups in ordinal order of their names.</summary>
    /// <param name="prefix">Only names that start with this; empty for all.</param>
    /// <param name="after">Only names after this one; null from the start.</param>
    /// <param name="limit">The most groups to return.</param>
    [Alias("ListAsync"), AlwaysInterleave]
    Task<GroupPage> ListAsync(string prefix, string? after, int limit);
}
