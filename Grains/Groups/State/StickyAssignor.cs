namespace OrleansStream.Groups.State;

/// <summary>
/// Balances the counts of partitions over all topics, and moves as few partitions as the balance allows. It decides which partitions move; the group
/// decides when, because a partition moves only once its owner has given it up.
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
