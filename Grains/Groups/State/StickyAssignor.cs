namespace OrleansStream.Groups.State;

/// <summary>
/// Balances the counts of partitions over all topics and moves no more of them than balance asks for. It looks only at counts,
/// so which partitions move is up to it; that they move only once their owner let go is up to the group.
/// </summary>
internal sealed class StickyAssignor : IAssignor
{
    /// <inheritdoc/>
    public string Name => "sticky";

    /// <inheritdoc/>
    public IReadOnlyList<PartitionSet> Assign(
        IReadOnlyList<AssignorMember> members, IReadOnlyDictionary<Guid, int> partitionCounts)
    {
        var balance = new StickyBalance(members, partitionCounts);
        balance.KeepPrevious();
        balance.GiveFree();
        balance.Level();
        return balance.Result();
    }
}
