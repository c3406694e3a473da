namespace OrleansStream.Persistence;

/// <summary>Bounds of the grains' states.</summary>
internal static class PersistenceLimits
{
    /// <summary>
    /// How long a caller waits, in milliseconds, before it calls again after the activation lost its state: the next activation then begins.
    /// </summary>
    public const int RetryAfterMs = 200;
}
