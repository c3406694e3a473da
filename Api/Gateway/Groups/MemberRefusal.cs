using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups;

namespace OrleansStream.Gateway.Groups;

/// <summary>Why nothing was done for a member, and the member's state, from which its next call can go on.</summary>
/// <param name="Error">The reason.</param>
public sealed record MemberRefusal(StreamError Error)
{
    /// <summary>Its epoch; null when it is not a member, or another process has taken its place.</summary>
    public long? MemberEpoch { get; private init; }

    /// <summary>Its partitions, by topic and number; empty without an epoch.</summary>
    public ImmutableArray<AssignedPartition> Assignment { get; private init; } = [];

    /// <summary>
    /// The cursor for its next poll; null without an epoch, and where only a poll can commit: there the cursor of its last answer still counts.
    /// </summary>
    public string? Cursor { get; private init; }

    /// <summary>Makes the refusal from a group's answer.</summary>
    /// <param name="refused">The answer, which has an error.</param>
    /// <param name="group">The group.</param>
    /// <param name="member">The member.</param>
    internal static MemberRefusal Of(GroupMemberResponse refused, string group, string member) => refused.Token is not { } token
        ? new MemberRefusal(refused.Error!)
        : new MemberRefusal(refused.Error!)
        {
            MemberEpoch = token.Epoch,
            Assignment = refused.Assignment,
            Cursor = refused.Error!.Code == StreamErrorCode.RecordsWaitInPlace ? null : new GroupCursor(token, []).Write(group, member),
        };
}
