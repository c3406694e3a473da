namespace OrleansStream.SignIn.Auditing;

/// <summary>Bounds of the audit trail.</summary>
internal static class AuditLimits
{
    /// <summary>The most entries that wait for the topic. Further ones are dropped from the topic, and counted there; the log has them.</summary>
    public const int EntriesMax = 1_000;

    /// <summary>The most refusals and failures that are remembered, so that none is written twice within <see cref="FailurePause"/>.</summary>
    public const int FailuresRememberedMax = 10_000;

    /// <summary>The time in which the same refusal or failure of the same caller is written once.</summary>
    public static readonly TimeSpan FailurePause = TimeSpan.FromMinutes(1);

    /// <summary>The pause before entries that could not be stored are stored again.</summary>
    public static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    /// <summary>How long the topic keeps entries.</summary>
    public static readonly TimeSpan EntryAge = TimeSpan.FromDays(90);
}
