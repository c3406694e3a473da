using OrleansStream.Groups.State;

namespace OrleansStream.Groups.Classic;

/// <summary>Every bound of the classic protocol, in one place.</summary>
internal static class ClassicLimits
{
    /// <summary>The most members of one group, with those that were given an id and have not joined yet.</summary>
    public const int MembersMax = GroupStateLimits.MembersMax;

    /// <summary>The most assignors that one member names.</summary>
    public const int ProtocolsMax = 32;

    /// <summary>The most bytes that one member tells assignors.</summary>
    public const int MemberBytesMax = 256 * 1024;

    /// <summary>The most bytes that the members of a group tell assignors, together: a group is one document.</summary>
    public const int GroupBytesMax = 3 * 1024 * 1024;

    /// <summary>The most bytes of the assignments of a generation.</summary>
    public const int AssignmentBytesMax = 2 * 1024 * 1024;

    /// <summary>The shortest session, in milliseconds: below it a busy machine would look dead (<c>group.min.session.timeout.ms</c>).</summary>
    public const int SessionMsMin = 1_000;

    /// <summary>The longest session, in milliseconds (<c>group.max.session.timeout.ms</c>).</summary>
    public const int SessionMsMax = 1_800_000;

    /// <summary>The longest time that members may take to join a generation, in milliseconds.</summary>
    public const int RebalanceMsMax = 3_600_000;

    /// <summary>
    /// The first generation of an empty group begins once no member has joined for this time, in milliseconds, so that programs which are started
    /// together are in one generation (<c>group.initial.rebalance.delay.ms</c>, KIP-134).
    /// </summary>
    public const int FirstJoinDelayMs = 300;

    /// <summary>The longest time that joins which go on put the first generation off, in milliseconds.</summary>
    public const int FirstJoinDelayMaxMs = 3_000;
}
