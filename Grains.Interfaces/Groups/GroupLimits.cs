namespace OrleansStream.Groups;

/// <summary>Every bound of consumer groups that a caller meets, in one place.</summary>
public static class GroupLimits
{
    /// <summary>The most characters of a group's name.</summary>
    public const int NameLengthMax = 249;

    /// <summary>The most characters of a member's id.</summary>
    public const int MemberLengthMax = 249;

    /// <summary>The most groups. Their catalogue is one document, with about a hundred bytes for each.</summary>
    public const int GroupsMax = 10_000;

    /// <summary>The most groups on one page of the catalogue.</summary>
    public const int CatalogPageMax = 1_000;

    /// <summary>The most topics that one member subscribes to.</summary>
    public const int TopicsPerMemberMax = 100;

    /// <summary>The most offsets in one commit or reset.</summary>
    public const int OffsetsPerRequestMax = 10_000;

    /// <summary>The shortest lease, in milliseconds. With a shorter one a busy machine would look dead.</summary>
    public const int LeaseMsMin = 1_000;

    /// <summary>The longest lease, in milliseconds: an hour of work between two polls.</summary>
    public const int LeaseMsMax = 3_600_000;

    /// <summary>The lease of a member that asks for none, in milliseconds.</summary>
    public const int LeaseMsDefault = 30_000;

    /// <summary>The lease of a member that says what it has, in milliseconds (<c>group.consumer.session.timeout.ms</c>).</summary>
    public const int ConsumerSessionMs = 45_000;

    /// <summary>How often a member that says what it has is to do so, in milliseconds (<c>group.consumer.heartbeat.interval.ms</c>).</summary>
    public const int ConsumerHeartbeatMs = 3_000;

    /// <summary>The same while it has not what it shall have in the end: partitions move as fast as members ask.</summary>
    public const int ConsumerHeartbeatMovingMs = 300;

    /// <summary>When so many records of one partition wait in place, polls read no further in it.</summary>
    public const int HoldsPerPartitionMax = 400;

    /// <summary>The most failed records in one poll.</summary>
    public const int FailedPerPollMax = 1_000;

    /// <summary>The most characters of the reason why a record failed, which is kept in a header.</summary>
    public const int ReasonLengthMax = 1_024;

    /// <summary>
    /// The bytes of headers about a failed record that do not count for <c>max.message.bytes</c>. They are more than the longest reason in UTF-8 and
    /// the longest names of a topic and a group need.
    /// </summary>
    public const int StoryBytesMax = 4 * 1024;

    /// <summary>The most attempts at a record. A retry topic has one partition less.</summary>
    public const int AttemptsMax = 20;

    /// <summary>The attempts at a record, if the policy does not say.</summary>
    public const int AttemptsDefault = 5;

    /// <summary>The longest wait before an attempt, in milliseconds: one day, which is how long a copy's identity is remembered.</summary>
    public const int BackoffMsMax = 24 * 60 * 60 * 1000;

    /// <summary>The first of growing waits, if the policy does not say, in milliseconds.</summary>
    public const int BackoffMsInitial = 1_000;

    /// <summary>The longest of growing waits, if the policy does not say, in milliseconds.</summary>
    public const int BackoffMsTop = 60_000;

    /// <summary>The longest wait of one call for news, in milliseconds. A caller that wants to wait longer asks again.</summary>
    public const int WaitMsMax = 10_000;
}
