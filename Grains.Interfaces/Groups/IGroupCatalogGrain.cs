using Orleans.Concurrency;
using OrleansStream.Errors;

namespace OrleansStream.Groups;

/// <summary>The names of all groups. One grain, key <see cref="Key"/>; asked when a group comes into being, ends or is listed.</summary>
[Alias("os.IGroupCatalogGrain")]
public interface IGroupCatalogGrain : IGrainWithStringKey
{
    /// <summary>The one key of the catalogue.</summary>
    const string Key = "groups";

    /// <summary>Takes note of a group, before it comes into being; repeating it is harmless.</summary>
    /// <param name="name">A valid name.</param>
    /// <returns>Null, or a limit that is reached.</returns>
    /// <exception cref="StreamException">The catalogue could not be stored; retry.</exception>
    [Alias("RegisterAsync"), AlwaysInterleave]
    Task<StreamError?> RegisterAsync(string name);

    /// <summary>Forgets a group that has ended; repeating it is harmless.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="StreamException">The catalogue could not be stored; retry.</exception>
    [Alias("RemoveAsync"), AlwaysInterleave]
    Task RemoveAsync(string name);

    /// <summary>Lists groups in ordinal order of their names.</summary>
    /// <param name="prefix">Only names that start with this; empty for all.</param>
    /// <param name="after">Only names behind this one; null from the start.</param>
    /// <param name="limit">The most groups to return.</param>
    [Alias("ListAsync"), AlwaysInterleave]
    Task<GroupPage> ListAsync(string prefix, string? after, int limit);
}
