namespace OrleansStream.Partitions;

/// <summary>
/// The log in which an append has its place. A caller in the same process that begins appends one behind the other uses it to keep their order: one
/// log stores the appends that it took in the order in which it took them.
/// </summary>
/// <param name="required">The log that has the places of the appends before this one. The append is made there or refused. Null for any log.</param>
public sealed class AppendAffinity(object? required = null)
{
    private volatile object? _log;
    private volatile bool _isRefused;

    /// <summary>The log that took the append before the call that began it returned; null when no log took it by then.</summary>
    public object? Log => _log;

    /// <summary>
    /// True when the append was refused, because another log than the required one would take it. Then this try stored nothing, and it is not
    /// repeated.
    /// </summary>
    public bool IsRefused => _isRefused;

    /// <summary>Decides whether a log may take the append, and notes a refusal.</summary>
    /// <param name="log">The log; null for a log in another process.</param>
    public bool Admits(object? log)
    {
        _isRefused = required is not null && !ReferenceEquals(required, log);
        return !_isRefused;
    }

    /// <summary>Notes that a log took the append.</summary>
    /// <param name="log">The open log.</param>
    public void Took(object log) => _log = log;
}
