using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups;

namespace OrleansStream.Gateway.Groups;

/// <summary>Why nothing was done in a member's name, and where the member stands, so that its next call goes on.</summary>
/// <param name="Error">Why.</param>
public sealed record MemberRefusal(StreamError Error)
{
    /// <summary>Its epoch; null when it is no member, or another process took its place.</summary>
    public long? MemberEpoch { get; private init; }

    /// <summary>Its partitions, by topic and number; none without an epoch.</summary>
    public ImmutableArray<AssignedPartition> Assignment { get; private init; } = [];

    /// <summary>What its next poll goes on with; null without an epoch.</summary>
    public string? Cursor { get; private init; }

    /// <summary>The refusal that a group's answer is.</summary>
    /// <param name="refused">The answer, with an error.</param>
    /// <param name="group">The group.</param>
    /// <param name="member">The member.</param>
    internal static MemberRefusal Of(GroupMemberResponse refused, string group, string member) => refused.Token is not { } token
        ? new MemberRefusal(refused.Error!)
        : new MemberRefusal(refused.Error!)
        {
            MemberEpoch = token.Epoch,
            Assignment = refused.Assignment,
            Cursor = new GroupCursor(token, []).Write(group, member),
        };
}
