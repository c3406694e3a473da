namespace OrleansStream.Groups.Classic;

/// <summary>Which assignor a generation has.</summary>
internal static class AssignorChoice
{
    /// <summary>The assignor that most members prefer among those that all know; the leader's choice where as many prefer another.</summary>
    /// <param name="leader">The leader.</param>
    /// <param name="members">All members, of which each knows one that all know.</param>
    public static string Choose(LiveMember leader, IReadOnlyCollection<LiveMember> members)
    {
        var common = CommonOf(members);
        var votes = members.Select(member => member.Protocols.First(protocol => common.Contains(protocol.Name)).Name)
            .CountBy(name => name, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
        return leader.Protocols.Select(protocol => protocol.Name).Where(common.Contains).MaxBy(name => votes.GetValueOrDefault(name))!;
    }

    /// <summary>The names of the assignors that all of some members know.</summary>
    /// <param name="members">The members.</param>
    public static HashSet<string> CommonOf(IEnumerable<LiveMember> members)
    {
        HashSet<string>? common = null;
        foreach (var member in members)
        {
            var names = member.Protocols.Select(protocol => protocol.Name);
            if (common is null)
                common = names.ToHashSet(StringComparer.Ordinal);
            else
                common.IntersectWith(names);
        }

        return common ?? [];
    }
}
