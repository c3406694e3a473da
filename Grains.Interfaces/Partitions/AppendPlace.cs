namespace OrleansStream.Partitions;

/// <summary>
/// Where an append has its place, for a caller in the same process that begins one behind the other without waiting for the first: appends that one
/// log took one after another keep their order, whatever becomes of them.
/// </summary>
/// <param name="required">The open log that those before it have their places in: the append is made there or refused; null for any.</param>
public sealed class AppendPlace(object? required = null)
{
    private volatile object? _log;
    private volatile bool _isRefused;

    /// <summary>The open log that took the append, once the call that begins it has returned; null when it was not taken by then.</summary>
    public object? Log => _log;

    /// <summary>True when the log that is required is not the one that would take it: then this try stored nothing, and it is not made again.</summary>
    public bool IsRefused => _isRefused;

    /// <summary>Whether a log may take the append.</summary>
    /// <param name="log">The open log; null for one in another process.</param>
    public bool Admits(object? log)
    {
        _isRefused = required is not null && !ReferenceEquals(required, log);
        return !_isRefused;
    }

    /// <summary>Notes that a log took the append.</summary>
    /// <param name="log">The open log.</param>
    public void Took(object log) => _log = log;
}
