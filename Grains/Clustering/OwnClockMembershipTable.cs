using OrleansStream.Storage;

namespace OrleansStream.Clustering;

/// <summary>
/// A membership table that dates each silo's last sign of life by the reader's own clock, and makes living silos give one when another silo joins. So
/// killed silos, which nobody restarted at their addresses, delay the joining of others only for a short time.
/// </summary>
/// <remarks>
/// A silo joins only when every active silo answers its probes. In Orleans a joining silo may declare a silo dead only when its last sign of life
/// (<see cref="MembershipEntry.IAmAliveTime"/>) is older than 90 s, which compares the clocks of two machines.
/// <para>
/// In this table the age of a sign is the time since this reader saw it change. A silo that joins asks all active silos for a sign by its own row:
/// each writes one when it reads that row. A silo whose sign does not change within <c>joinSilenceMax</c> counts as silent. Silence alone declares no
/// silo dead: Orleans probes a silent silo, and declares it dead only if it does not answer the probes either.
/// </para>
/// Safe to call from any thread.
/// </remarks>
/// <param name="table">The table in the store, which makes new entries each time.</param>
/// <param name="own">The silo that reads.</param>
/// <param name="staleAfter">The age of a sign of life at which Orleans takes a silo for stale.</param>
/// <param name="joinSilenceMax">The same for a silo that joins.</param>
/// <param name="time">The reader's clock.</param>
internal sealed class OwnClockMembershipTable(
    DocumentMembershipTable table, SiloAddress own, TimeSpan staleAfter, TimeSpan joinSilenceMax, TimeProvider time) : IMembershipTable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<SiloAddress, Sign> _signs = [];
    private readonly HashSet<SiloAddress> _answered = [];
    private volatile bool _isActive;

    private DateTime UtcNow => time.GetUtcNow().UtcDateTime;

    /// <inheritdoc/>
    public Task InitializeMembershipTable(bool tryInitTableVersion) => table.InitializeMembershipTable(tryInitTableVersion);

    /// <inheritdoc/>
    public Task DeleteMembershipTableEntries(string clusterId) => table.DeleteMembershipTableEntries(clusterId);

    /// <inheritdoc/>
    public Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => table.CleanupDefunctSiloEntries(beforeDate);

    /// <inheritdoc/>
    public async Task<MembershipTableData> ReadRow(SiloAddress key) => Show(await table.ReadRow(key), isWhole: false);

    /// <inheritdoc/>
    public async Task<MembershipTableData> ReadAll()
    {
        var read = await table.ReadAll();
        _isActive = read.TryGet(own) is { Item1.Status: SiloStatus.Active };
        await AnswerAsync(read);
        return Show(read, isWhole: true);
    }

    /// <inheritdoc/>
    public async Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion)
    {
        var isInserted = await table.InsertRow(entry, tableVersion);
        // This row asks the other silos for a sign.
        if (isInserted)
            Forget();
        return isInserted;
    }

    /// <inheritdoc/>
    public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion)
    {
        if (entry.SiloAddress.Equals(own))
            return table.UpdateRow(entry, etag, tableVersion);
        // The row's times are by this reader's clock. Only the row's own silo may write them, so the table keeps the later ones.
        var other = MembershipRow.Of(entry, etag).ToEntry();
        other.IAmAliveTime = DateTime.MinValue;
        return table.UpdateRow(other, etag, tableVersion);
    }

    /// <inheritdoc/>
    public Task UpdateIAmAlive(MembershipEntry entry) => table.UpdateIAmAlive(entry);

    private async Task AnswerAsync(MembershipTableData read)
    {
        if (!_isActive)
            return;
        var joining = read.Members.Where(row => row.Item1.Status == SiloStatus.Joining).Select(row => row.Item1.SiloAddress).ToArray();
        lock (_gate)
        {
            _answered.IntersectWith(joining);
            if (_answered.Count == joining.Length)
                return;
        }

        try
        {
            await table.UpdateIAmAlive(new MembershipEntry { SiloAddress = own, IAmAliveTime = UtcNow });
        }
        catch (Exception e) when (e is StoreUnavailableException or StoreFullException)
        {
            // The rows were read, and the next read tries to write the sign again.
            return;
        }

        lock (_gate)
            _answered.UnionWith(joining);
    }

    private MembershipTableData Show(MembershipTableData read, bool isWhole)
    {
        lock (_gate)
        {
            foreach (var (entry, _) in read.Members)
            {
                var isOwn = entry.SiloAddress.Equals(own);
                if (entry.Status == SiloStatus.Dead || isOwn && _isActive)
                    continue;
                // Orleans looks at signs of life again only when one of them is later than before. While this silo joins, its own sign always is.
                var shown = isOwn ? UtcNow : Learn(entry).ShownAt;
                entry.IAmAliveTime = shown;
                // Orleans counts the start time as a sign of life, too.
                if (entry.StartTime > shown)
                    entry.StartTime = shown;
            }

            if (isWhole)
                Forget(except: read);
        }

        return read;
    }

    private Sign Learn(MembershipEntry entry)
    {
        var isKnown = _signs.TryGetValue(entry.SiloAddress, out var known);
        if (isKnown && known.Given == entry.IAmAliveTime)
            return known;
        // A changed sign has just been given. A sign that is seen for the first time may be of any age.
        var shownAt = isKnown || _isActive ? UtcNow : UtcNow - (staleAfter - joinSilenceMax);
        return _signs[entry.SiloAddress] = new Sign(entry.IAmAliveTime, shownAt);
    }

    private void Forget(MembershipTableData? except = null)
    {
        lock (_gate)
        {
            foreach (var silo in _signs.Keys.Where(silo => except?.TryGet(silo) is null).ToArray())
                _signs.Remove(silo);
        }
    }

    /// <summary>A silo's last sign of life.</summary>
    /// <param name="Given">When the silo gave it, by its clock: only whether that changes counts.</param>
    /// <param name="ShownAt">When it was given by this reader's clock, as far as Orleans is told.</param>
    private readonly record struct Sign(DateTime Given, DateTime ShownAt);
}
