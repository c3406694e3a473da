namespace OrleansStream.Cli.Calls;

/// <summary>A run has failed that may have done a part of its work.</summary>
/// <param name="cause">Why.</param>
/// <param name="isAnyDone">True when a part is done, or may be.</param>
/// <param name="sentence">What is done and what is not; empty where nothing needs to be said.</param>
/// <param name="facts">The same for scripts.</param>
internal sealed class PartialException(Exception cause, bool isAnyDone, string sentence, IReadOnlyList<(string Name, long Value)> facts)
    : Exception(sentence, cause)
{
    /// <summary>True when a part is done, or may be.</summary>
    public bool IsAnyDone { get; } = isAnyDone;

    /// <summary>What is done and what is not, for scripts.</summary>
    public IReadOnlyList<(string Name, long Value)> Facts { get; } = facts;
}
