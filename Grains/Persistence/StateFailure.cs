using Orleans.Storage;
using OrleansStream.Storage;

namespace OrleansStream.Persistence;

/// <summary>Why a grain's state could not be read or written.</summary>
internal static class StateFailure
{
    /// <summary>Says that another activation wrote or cleared a state meanwhile. The runtime drops the activation that meets it.</summary>
    /// <param name="name">The state's document.</param>
    /// <param name="stored">What is stored, or null for nothing.</param>
    /// <param name="eTag">The etag that the activation knows, or null for none.</param>
    public static InconsistentStateException Conflict(string name, Document? stored, string? eTag) =>
        new($"The state '{name}' was written by another activation.", stored?.ETag ?? "none", eTag ?? "none");

    /// <summary>Finds what the storage threw: Orleans wraps all that is not an exception of its own, with a stack trace for its message.</summary>
    /// <param name="exception">What <see cref="IPersistentState{TState}"/> threw.</param>
    public static Exception CauseOf(Exception exception) =>
        exception is OrleansException and not InconsistentStateException && exception.InnerException is { } cause ? cause : exception;
}
