using OrleansStream.Errors;
using OrleansStream.Groups.State;

namespace OrleansStream.Groups.Classic;

/// <summary>The members of the classic protocol, by both their ids.</summary>
internal sealed class MemberTable
{
    private readonly List<LiveMember> _members = [];
    private readonly Dictionary<string, LiveMember> _byId = new(StringComparer.Ordinal);
    private readonly Dictionary<string, LiveMember> _byInstance = new(StringComparer.Ordinal);

    /// <summary>The members, in the order in which they came.</summary>
    public IReadOnlyList<LiveMember> All => _members;

    /// <summary>The count of members.</summary>
    public int Count => _members.Count;

    /// <summary>A member by the id that the group gave it, or null.</summary>
    /// <param name="id">The id.</param>
    public LiveMember? ById(string id) => _byId.GetValueOrDefault(id);

    /// <summary>A member by the id that it chose itself, or null.</summary>
    /// <param name="instance">The id.</param>
    public LiveMember? ByInstance(string instance) => _byInstance.GetValueOrDefault(instance);

    /// <summary>Takes a member in. No other has one of its ids.</summary>
    /// <param name="member">The member.</param>
    public void Add(LiveMember member)
    {
        _members.Add(member);
        _byId.Add(member.Id, member);
        if (member.InstanceId is { } instance)
            _byInstance.Add(instance, member);
    }

    /// <summary>Takes a member out.</summary>
    /// <param name="member">The member.</param>
    public void Remove(LiveMember member)
    {
        _members.Remove(member);
        _byId.Remove(member.Id);
        if (member.InstanceId is { } instance)
            _byInstance.Remove(instance);
    }

    /// <summary>Finds a member by what a call says of itself.</summary>
    /// <param name="id">Its id; may be empty.</param>
    /// <param name="instance">The id that it chose itself; null for none.</param>
    /// <param name="member">The member; with a refusal not to be used.</param>
    /// <returns>Null; or that the member is unknown, or that another process took its place.</returns>
    public GroupRefusal? Find(string id, string? instance, out LiveMember member)
    {
        if (instance is not null && _byInstance.TryGetValue(instance, out var current) && current.Id != id)
        {
            member = current;
            return Fenced(instance);
        }

        var isKnown = _byId.TryGetValue(id, out var known) && (instance is null || known.InstanceId == instance);
        member = known!;
        return isKnown ? null : Unknown(id);
    }

    /// <summary>The refusal of a member that the group does not have.</summary>
    /// <param name="member">The member's id.</param>
    public static GroupRefusal Unknown(string member) => new(
        StreamErrorCode.UnknownMemberId, $"There is no member '{member}': it left or was silent for too long. It may join again.");

    /// <summary>The refusal of a process whose place another one took.</summary>
    /// <param name="instance">The id that both chose.</param>
    public static GroupRefusal Fenced(string instance) => new(
        StreamErrorCode.FencedInstanceId, $"Another process has joined as '{instance}' and took this one's place.");
}
