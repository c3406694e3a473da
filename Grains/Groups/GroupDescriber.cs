namespace OrleansStream.Groups;

/// <summary>Describes a group, whatever kind its members are of.</summary>
/// <param name="group">The group.</param>
internal sealed class GroupDescriber(StoredGroup group)
{
    /// <inheritdoc cref="IConsumerGroupGrain.DescribeAsync"/>
    public async Task<GroupDescription?> DescribeAsync()
    {
        await group.BeginAsync(mayCreate: false);
        var (state, classic) = (group.State, group.Classic);
        if (state.Exists)
            await group.UpdateTopicsAsync();
        GroupDescription? description = null;
        if (state.Exists || classic.IsActive)
        {
            description = GroupConversions.ToDescription(state, group.Now());
            var read = await group.FindTopicsAsync(ClassicConversions.TopicsOf(classic).Distinct(StringComparer.Ordinal));
            description = ClassicConversions.Describe(description, state, classic, read, group.Now());
        }

        await group.FlushAsync();
        return description;
    }

    /// <inheritdoc cref="IConsumerGroupGrain.MeasureAsync"/>
    public async Task<GroupMeasurement?> MeasureAsync()
    {
        group.BeginMeasuring();
        var (state, classic) = (group.State, group.Classic);
        GroupMeasurement? measured = null;
        if (state.Exists || classic.IsActive)
            measured = new GroupMeasurement(state.Members.Count + classic.Members.Count, GroupConversions.ToMeasured(state));
        await group.FlushAsync();
        return measured;
    }
}
