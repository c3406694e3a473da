using OrleansStream.Contracts;

namespace OrleansStream.WebConsole.Calls;

/// <summary>The service refused a call, or could not be reached.</summary>
/// <param name="problem">What the service said; null when no answer came.</param>
/// <param name="detail">What is wrong, for people.</param>
public sealed class ApiException(Problem? problem, string detail) : Exception(detail)
{
    /// <summary>What the service said; null when no answer came.</summary>
    public Problem? Problem { get; } = problem;

    /// <summary>True when there is no such thing.</summary>
    public bool IsNotFound => Problem?.Status == 404;

    /// <summary>True when the same call may succeed later: no answer came, or the service says so.</summary>
    public bool IsPassing => Problem is null or { Retriable: true };

    /// <summary>What a person can do about it; null when the detail says it all.</summary>
    public string? Advice => Problem switch
    {
        null => "Check that the service runs and that this machine reaches it, then try again.",
        { Outcome: "unknown" } => "It may have been done: look before you do it again.",
        { Status: 403 } => "Ask an administrator for the right, or sign in with another key.",
        { Status: 429 } => "The service has as much as it takes. Wait a moment, then try again.",
        { Retriable: true } => "This often passes by itself: try again in a moment.",
        _ => null,
    };
}
