using System.Globalization;
using OrleansStream.Topics;

namespace OrleansStream.Groups;

/// <summary>Bounds of the group grains' own work.</summary>
internal static class GroupGrainLimits
{
    /// <summary>How often a group with members looks at its leases.</summary>
    public static readonly TimeSpan TickPeriod = TimeSpan.FromSeconds(1);

    /// <summary>How often a group with members asks whether its topics are as it knows them.</summary>
    public static readonly TimeSpan TopicsPeriod = TimeSpan.FromSeconds(2);

    /// <summary>The age of the last proof that the state is still this activation's at which it is asked for again.</summary>
    public static readonly TimeSpan OwnershipAge = TimeSpan.FromSeconds(5);

    /// <summary>How often the catalogue has groups without members look at the age of their offsets.</summary>
    public static readonly TimeSpan ExpiryPeriod = TimeSpan.FromHours(1);

    /// <summary>The failed records or dead letters that are copied at the same time.</summary>
    public const int CopiesAtOnce = 16;

    /// <summary>The most dead letters that one step of a redrive takes: its progress is written once a step.</summary>
    public const int RedriveStepRecords = 256;

    /// <summary>The bytes of batches that one step of a redrive reads.</summary>
    public const int RedriveStepBytes = 1024 * 1024;

    /// <summary>The wait before a redrive that could not go on tries again the first time; each further one is twice as long.</summary>
    public static readonly TimeSpan RedriveRetry = TimeSpan.FromSeconds(1);

    /// <summary>The longest wait before a redrive that could not go on tries again.</summary>
    public static readonly TimeSpan RedriveRetryMax = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a redrive tries to take a dead letter whose topics do not answer, before it leaves that one where it is: far longer than
    /// partitions take to move to another silo.
    /// </summary>
    public static readonly TimeSpan RedriveTroubleMax = TimeSpan.FromMinutes(5);

    /// <summary>How long who begins a redrive waits for the last step of one that was stopped.</summary>
    public static readonly TimeSpan RedriveStopMax = TimeSpan.FromSeconds(5);

    /// <summary>The most characters kept of what was said of dead letters that did not go back.</summary>
    public const int RedriveDetailLengthMax = 500;

    /// <summary>When a caller whose call found the group moving should come again, in milliseconds.</summary>
    public const int RetryAfterMs = 200;

    /// <summary>
    /// The settings of a topic that the group makes itself. Records that wait are kept as long as any, however many there are; dead
    /// letters until somebody deletes them. A record may be as large as any; what its copy has more in its headers does not count.
    /// </summary>
    /// <param name="isRetry">True for a retry topic, false for one of dead letters.</param>
    public static IEnumerable<KeyValuePair<string, string>> RetryTopicConfig(bool isRetry)
    {
        yield return new("max.message.bytes", TopicLimits.MessageBytesMax.ToString(CultureInfo.InvariantCulture));
        yield return new("retention.bytes", "-1");
        if (!isRetry)
            yield return new("retention.ms", "-1");
    }
}
