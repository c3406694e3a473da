namespace OrleansStream.Gateway.Security;

/// <summary>Bounds of signing in.</summary>
public static class SignInLimits
{
    /// <summary>The failures of one address, within <see cref="FailureWindow"/>, that are answered at once.</summary>
    public const int FailuresAnsweredAtOnceMax = 10;

    /// <summary>The time over which the failures of an address are counted.</summary>
    public static readonly TimeSpan FailureWindow = TimeSpan.FromMinutes(1);

    /// <summary>How long the answer to a further failure takes.</summary>
    public static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The most addresses whose failures are counted. An attacker has any number of IPv6 addresses; above the bound the count of each begins again.
    /// </summary>
    public const int FailingAddressesMax = 10_000;

    /// <summary>The least time between two readings of the store because callers came with keys that this node does not know.</summary>
    public static readonly TimeSpan UnknownKeyPause = TimeSpan.FromSeconds(1);
}
