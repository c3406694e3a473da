using Orleans.Storage;
using OrleansStream.Storage;

namespace OrleansStream.Persistence;

/// <summary>Failures to read or write a grain's state.</summary>
internal static class StateFailure
{
    /// <summary>
    /// The exception for a state that another activation has written or cleared meanwhile. The runtime drops the activation that gets it.
    /// </summary>
    /// <param name="name">The state's document.</param>
    /// <param name="stored">The stored document; null when there is none.</param>
    /// <param name="eTag">The etag that the activation knows; null for none.</param>
    public static InconsistentStateException Conflict(string name, Document? stored, string? eTag) =>
        new($"The state '{name}' was written by another activation.", stored?.ETag ?? "none", eTag ?? "none");

    /// <summary>Finds the storage's own exception. Orleans wraps exceptions that are not its own, with a stack trace as message.</summary>
    /// <param name="exception">The exception that <see cref="IPersistentState{TState}"/> threw.</param>
    public static Exception CauseOf(Exception exception) =>
        exception is OrleansException and not InconsistentStateException && exception.InnerException is { } cause ? cause : exception;
}
