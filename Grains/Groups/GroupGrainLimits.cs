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

    /// <summary>When a caller whose call found the group moving should come again, in milliseconds.</summary>
    public const int RetryAfterMs = 200;
}
