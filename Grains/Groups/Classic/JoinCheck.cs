using OrleansStream.Errors;
using OrleansStream.Groups.State;

namespace OrleansStream.Groups.Classic;

/// <summary>What a join must be like, so that its member can be in a generation with the others.</summary>
internal static class JoinCheck
{
    /// <summary>Checks a join.</summary>
    /// <param name="command">The join.</param>
    /// <param name="group">The group's state, with its members of the other kind.</param>
    /// <param name="members">The members that there are.</param>
    /// <param name="protocolType">What kind of group it is; null when nobody has said.</param>
    /// <returns>Null, or why it is refused.</returns>
    public static GroupRefusal? Check(JoinCommand command, GroupState group, IReadOnlyList<LiveMember> members, string? protocolType)
    {
        if (group.Members.Count > 0)
        {
            return new GroupRefusal(
                StreamErrorCode.InconsistentGroupProtocol,
                $"The group has {group.Members.Count} members whose partitions the group assigns. They have to leave before others can join that assign among themselves.");
        }

        if (command.SessionMs is < ClassicLimits.SessionMsMin or > ClassicLimits.SessionMsMax)
        {
            return new GroupRefusal(
                StreamErrorCode.InvalidSessionTimeout,
                $"A session lasts {ClassicLimits.SessionMsMin} to {ClassicLimits.SessionMsMax} ms, not {command.SessionMs}.");
        }

        return CheckProtocols(command, members, protocolType) ?? CheckBytes(command, members);
    }

    private static GroupRefusal? CheckProtocols(JoinCommand command, IReadOnlyList<LiveMember> members, string? protocolType)
    {
        if (command.ProtocolType.Length == 0 || command.Protocols.IsEmpty)
            return Inconsistent("A member names what kind of group it wants, and the assignors that it knows.");
        LiveMember[] others =
            [.. members.Where(member => member.Id != command.Member && (command.InstanceId is null || member.InstanceId != command.InstanceId))];
        if (others.Length == 0)
            return null;
        if (command.ProtocolType != protocolType)
            return Inconsistent($"The group is of the kind '{protocolType}', not '{command.ProtocolType}'.");
        var common = AssignorChoice.CommonOf(others);
        return command.Protocols.Any(protocol => common.Contains(protocol.Name)) ? null : Inconsistent(
            $"The members know the assignors {string.Join(", ", common)}, and the new one only {string.Join(", ", command.Protocols.Select(protocol => protocol.Name))}.");

        static GroupRefusal Inconsistent(string detail) => new(StreamErrorCode.InconsistentGroupProtocol, detail);
    }

    private static GroupRefusal? CheckBytes(JoinCommand command, IReadOnlyList<LiveMember> members)
    {
        var bytes = command.Protocols.Sum(protocol => (long)protocol.Metadata.Length);
        if (command.Protocols.Length > ClassicLimits.ProtocolsMax || bytes > ClassicLimits.MemberBytesMax)
        {
            return new GroupRefusal(
                StreamErrorCode.PolicyViolation,
                $"A member names at most {ClassicLimits.ProtocolsMax} assignors, with {ClassicLimits.MemberBytesMax} bytes in all; this one {command.Protocols.Length}, with {bytes}.");
        }

        var others = members.Where(member => member.Id != command.Member).Sum(member => (long)member.Bytes);
        return others + bytes <= ClassicLimits.GroupBytesMax ? null : new GroupRefusal(
            StreamErrorCode.GroupMaxSizeReached,
            $"The members of a group tell assignors at most {ClassicLimits.GroupBytesMax} bytes in all; with this one they would tell {others + bytes}.");
    }
}
