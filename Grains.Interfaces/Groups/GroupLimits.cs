namespace OrleansStream.Groups;

/// <summary>Every bound of consumer groups that a caller meets, in one place.</summary>
public static class GroupLimits
{
    /// <summary>The most characters of a group's name.</summary>
    public const int NameLengthMax = 249;

    /// <summary>The most characters of a member's id.</summary>
    public const int MemberLengthMax = 249;

    /// <summary>The most groups: their catalogue is one document, about a hundred bytes each.</summary>
    public const int GroupsMax = 10_000;

    /// <summary>The most groups on one page of the catalogue.</summary>
    public const int CatalogPageMax = 1_000;

    /// <summary>The most topics one member subscribes to.</summary>
    public const int TopicsPerMemberMax = 100;

    /// <summary>The most offsets in one commit or reset.</summary>
    public const int OffsetsPerRequestMax = 10_000;

    /// <summary>The shortest lease, in milliseconds: below it a busy machine would look dead.</summary>
    public const int LeaseMsMin = 1_000;

    /// <summary>The longest lease, in milliseconds: one hour of work between two polls.</summary>
    public const int LeaseMsMax = 3_600_000;

    /// <summary>The lease of a member that asks for none, in milliseconds.</summary>
    public const int LeaseMsDefault = 30_000;

    /// <summary>The records of one partition that wait in place at which it is not read on.</summary>
    public const int HoldsPerPartitionMax = 400;

    /// <summary>The most failed records in one poll.</summary>
    public const int FailedPerPollMax = 1_000;

    /// <summary>The most characters of the reason why a record failed: it is kept in a header.</summary>
    public const int ReasonLengthMax = 1_024;

    /// <summary>
    /// The bytes of headers that tell of a failed record and do not count for <c>max.message.bytes</c>: more than the longest reason, in
    /// UTF-8, and the longest names of a topic and a group need.
    /// </summary>
    public const int StoryBytesMax = 4 * 1024;

    /// <summary>The most attempts at a record; a retry topic has one partition less.</summary>
    public const int AttemptsMax = 20;

    /// <summary>The attempts at a record when a policy does not say.</summary>
    public const int AttemptsDefault = 5;

    /// <summary>The longest wait before an attempt, in milliseconds: one day, for as long as a copy's identity is remembered.</summary>
    public const int BackoffMsMax = 24 * 60 * 60 * 1000;

    /// <summary>The first wait of growing ones when a policy does not say, in milliseconds.</summary>
    public const int BackoffMsInitial = 1_000;

    /// <summary>The longest of growing waits when a policy does not say, in milliseconds.</summary>
    public const int BackoffMsTop = 60_000;

    /// <summary>The longest wait of one call for news, in milliseconds; a caller that wants to wait longer asks again.</summary>
    public const int WaitMsMax = 10_000;
}
