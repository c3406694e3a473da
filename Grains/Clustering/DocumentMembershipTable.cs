using Microsoft.Extensions.Options;
using Orleans.Configuration;
using OrleansStream.Randomness;
using OrleansStream.Storage;

namespace OrleansStream.Clustering;

/// <summary>The cluster's membership in one document of the store that all silos share.</summary>
/// <remarks>
/// Rows and version are read and written together. A conflict with the caller's view is <c>false</c>; a failure of the store
/// is thrown and never taken for an empty table, which would make every silo believe that it is alone.
/// </remarks>
/// <param name="documents">Where the table is.</param>
/// <param name="cluster">Whose table it is.</param>
/// <param name="random">Where etags and the table's id come from; null for <see cref="RandomSource.System"/>.</param>
internal sealed class DocumentMembershipTable(IDocumentStore documents, IOptions<ClusterOptions> cluster, RandomSource? random = null)
    : IMembershipTable
{
    private readonly RandomSource _random = random ?? RandomSource.System;
    private readonly string _name = MembershipDocument.NameOf(cluster.Value.ClusterId);

    /// <inheritdoc/>
    public Task InitializeMembershipTable(bool tryInitTableVersion) =>
        tryInitTableVersion ? CreateAsync() : Task.CompletedTask;

    /// <inheritdoc/>
    public async Task DeleteMembershipTableEntries(string clusterId) =>
        await documents.DeleteAsync(MembershipDocument.NameOf(clusterId), expectedETag: null);

    /// <inheritdoc/>
    public Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => ChangeAsync(table =>
    {
        string[] defunct = [.. table.Rows
            .Where(row => row.Value.Status != SiloStatus.Active && LastSeen(row.Value) < beforeDate.UtcDateTime)
            .Select(row => row.Key)];
        foreach (var address in defunct)
            table.Rows.Remove(address);
        return defunct.Length > 0 ? table : null;
    });

    /// <inheritdoc/>
    public async Task<MembershipTableData> ReadRow(SiloAddress key)
    {
        var (table, _) = await ReadAsync();
        return table.Rows.TryGetValue(key.ToParsableString(), out var row)
            ? new MembershipTableData(Tuple.Create(row.ToEntry(), row.ETag), table.TableVersion)
            : new MembershipTableData(table.TableVersion);
    }

    /// <inheritdoc/>
    public async Task<MembershipTableData> ReadAll()
    {
        var (table, _) = await ReadAsync();
        return new MembershipTableData(
            [.. table.Rows.Values.Select(row => Tuple.Create(row.ToEntry(), row.ETag))], table.TableVersion);
    }

    /// <inheritdoc/>
    public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) => ChangeAsync(table =>
        Follows(tableVersion, table) && table.Rows.TryAdd(entry.SiloAddress.ToParsableString(), MembershipRow.Of(entry, NewETag()))
            ? table with { Version = tableVersion.Version }
            : null);

    /// <inheritdoc/>
    public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) => ChangeAsync(table =>
    {
        var address = entry.SiloAddress.ToParsableString();
        if (!Follows(tableVersion, table) || !table.Rows.TryGetValue(address, out var row) || row.ETag != etag)
            return null;

        var updated = MembershipRow.Of(entry, NewETag()) with { StartTime = row.StartTime };
        // A sign of life does not change the etag, so the sign in the table may be later than the caller's.
        table.Rows[address] = updated.IAmAliveTime < row.IAmAliveTime ? updated with { IAmAliveTime = row.IAmAliveTime } : updated;
        return table with { Version = tableVersion.Version };
    });

    /// <inheritdoc/>
    public Task UpdateIAmAlive(MembershipEntry entry) => ChangeAsync(table =>
    {
        var address = entry.SiloAddress.ToParsableString();
        if (!table.Rows.TryGetValue(address, out var row))
            return null;
        table.Rows[address] = row with { IAmAliveTime = entry.IAmAliveTime };
        return table;
    });

    private static bool Follows(TableVersion next, MembershipDocument table) =>
        next.Version == table.Version + 1 && next.VersionEtag == table.TableVersion.VersionEtag;

    private static DateTime LastSeen(MembershipRow row) =>
        row.IAmAliveTime > row.StartTime ? row.IAmAliveTime : row.StartTime;

    private string NewETag() => _random.NewId().ToString("N");

    /// <summary>Applies a change. Repeats it while other silos write the table at the same time.</summary>
    /// <param name="change">Makes the table's next state, or null when it does not apply.</param>
    /// <returns>False when the change does not apply.</returns>
    private async Task<bool> ChangeAsync(Func<MembershipDocument, MembershipDocument?> change)
    {
        for (var attempt = 0; attempt < ClusteringLimits.WriteAttemptsMax; attempt++)
        {
            var (table, eTag) = await ReadAsync();
            if (change(table) is not { } changed)
                return false;
            if (await documents.WriteAsync(_name, changed.ToBytes(), eTag) is not null)
                return true;
        }

        throw new StoreUnavailableException(
            $"The membership table '{_name}' was written by others {ClusteringLimits.WriteAttemptsMax} times in a row.");
    }

    private async Task<(MembershipDocument Table, string? ETag)> ReadAsync() =>
        await documents.ReadAsync(_name) is { } document
            ? (MembershipDocument.Parse(_name, document.Bytes.Span), document.ETag)
            // Only a table that was never initialised is missing; it starts at version 0, and only one silo can create it.
            : (MembershipDocument.Create(_random.NewId()), null);

    private async Task CreateAsync()
    {
        if (await documents.ReadAsync(_name) is null)
            await documents.WriteAsync(_name, MembershipDocument.Create(_random.NewId()).ToBytes(), expectedETag: null);
    }
}
