using System.Globalization;
using OrleansStream.Topics;

namespace OrleansStream.Groups;

/// <summary>Bounds of the group grains' own work.</summary>
internal static class GroupGrainLimits
{
    /// <summary>How often a group with members checks their leases.</summary>
    public static readonly TimeSpan TickPeriod = TimeSpan.FromSeconds(1);

    /// <summary>How often a group with members checks whether its topics have changed.</summary>
    public static readonly TimeSpan TopicsPeriod = TimeSpan.FromSeconds(2);

    /// <summary>The age at which an activation proves again that it owns the state.</summary>
    public static readonly TimeSpan OwnershipAge = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long one try may take to register a stored group again. The catalogue's silo may hang, and a later try then finds the catalogue elsewhere.
    /// </summary>
    public static readonly TimeSpan RegisterMax = TimeSpan.FromSeconds(5);

    /// <summary>The pause between two such tries.</summary>
    public static readonly TimeSpan RegisterRetry = TimeSpan.FromSeconds(1);

    /// <summary>How often the catalogue lets groups without members check the age of their offsets.</summary>
    public static readonly TimeSpan ExpiryPeriod = TimeSpan.FromHours(1);

    /// <summary>The most failed records or dead letters that are copied at the same time.</summary>
    public const int CopiesAtOnce = 16;

    /// <summary>The most dead letters that one step of a redrive takes. Its progress is written once per step.</summary>
    public const int RedriveStepRecords = 256;

    /// <summary>The bytes of batches that one step of a redrive reads.</summary>
    public const int RedriveStepBytes = 1024 * 1024;

    /// <summary>The first wait of a redrive that could not go on; each further wait is twice as long.</summary>
    public static readonly TimeSpan RedriveRetry = TimeSpan.FromSeconds(1);

    /// <summary>The longest wait of a redrive that could not go on.</summary>
    public static readonly TimeSpan RedriveRetryMax = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a redrive tries to take a dead letter whose topics do not answer, before it leaves the dead letter where it is. It is far longer than
    /// a partition takes to move to another silo.
    /// </summary>
    public static readonly TimeSpan RedriveTroubleMax = TimeSpan.FromMinutes(5);

    /// <summary>How long who begins a redrive waits for the last step of one that was stopped.</summary>
    public static readonly TimeSpan RedriveStopMax = TimeSpan.FromSeconds(5);

    /// <summary>The most characters of the detail that says why dead letters did not go back.</summary>
    public const int RedriveDetailLengthMax = 500;

    /// <summary>The <c>Retry-After</c>, in milliseconds, for a call that cannot be answered until something else has ended.</summary>
    public const int RetryAfterMs = 200;

    /// <summary>
    /// The settings of a topic that the group creates. Records in a retry topic are kept for the default time, whatever their size; dead letters are
    /// kept until somebody deletes them. A record may have the largest size that any topic allows; the headers that a copy adds do not count.
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
