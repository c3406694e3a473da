namespace OrleansStream.Errors;

/// <summary>Bounds of what a process logs about failures that repeat.</summary>
public static class RepeatedFailureLimits
{
    /// <summary>The most names that are told apart.</summary>
    public const int NamesMax = 1_000;

    /// <summary>The least time between two lines about one name.</summary>
    public static readonly TimeSpan TellPeriod = TimeSpan.FromMinutes(1);

    /// <summary>The least time between two searches of all names for those that are old, once there is no room.</summary>
    public static readonly TimeSpan CleanPeriod = TimeSpan.FromSeconds(1);
}
