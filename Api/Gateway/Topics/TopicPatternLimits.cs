namespace OrleansStream.Gateway.Topics;

/// <summary>Bounds of regular expressions over topics' names.</summary>
public static class TopicPatternLimits
{
    /// <summary>The most characters of an expression. A group stores it once for each member that subscribes to it.</summary>
    public const int LengthMax = 1_024;

    /// <summary>The most often that an expression may repeat a part of itself by a count, as in RE2.</summary>
    public const int RepeatsMax = 1_000;

    /// <summary>The most topics that one expression may match. A group looks after each of them.</summary>
    public const int MatchesMax = 500;

    /// <summary>The most expressions whose matches are remembered. When there are more, all are forgotten, and matched again.</summary>
    public const int RememberedMax = 100;

    /// <summary>
    /// The most time for matching an expression against the names of all topics. An ordinary one needs a few milliseconds for 10,000. It is time of
    /// the clock: a pause of the machine can use it up, so what takes longer may be tried again.
    /// </summary>
    public static readonly TimeSpan MatchingMax = TimeSpan.FromMilliseconds(500);

    /// <summary>For how long an expression whose matching took too long is not matched again.</summary>
    public static readonly TimeSpan TooLongRememberedFor = TimeSpan.FromSeconds(10);

    /// <summary>The longest wait for the list of all names: a member's heartbeat waits for it, and its session goes on meanwhile.</summary>
    public static readonly TimeSpan NamesWaitMax = TimeSpan.FromSeconds(5);

    /// <summary>The expressions that a process matches at the same time. Others wait, so that costly ones take one processor and not all.</summary>
    public const int MatchedAtOnce = 1;

    /// <summary>The longest wait for others' matching. Whoever waits longer is told to try again.</summary>
    public static readonly TimeSpan TurnWaitMax = TimeSpan.FromSeconds(5);

    /// <summary>For how long the list of all names is used before it is read again. So long can a new topic stay unseen.</summary>
    public static readonly TimeSpan NamesAgeMax = TimeSpan.FromSeconds(2);
}
