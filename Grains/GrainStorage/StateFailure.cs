using Orleans.Storage;

namespace OrleansStream.GrainStorage;

/// <summary>Why a grain's state could not be read or written.</summary>
internal static class StateFailure
{
    /// <summary>Finds what the storage threw: Orleans wraps all that is not an exception of its own, with a stack trace for its message.</summary>
    /// <param name="exception">What <see cref="IPersistentState{TState}"/> threw.</param>
    public static Exception CauseOf(Exception exception) =>
        exception is OrleansException and not InconsistentStateException && exception.InnerException is { } cause ? cause : exception;
}
