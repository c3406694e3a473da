namespace OrleansStream.Errors;

/// <summary>
/// Keeps a log quiet in trouble: a failure that comes again and again is to be told once in <see cref="RepeatedFailureLimits.TellPeriod"/>, with how
/// often it came since.
/// </summary>
/// <remarks>
/// One for a process. Safe to call from any thread. It remembers <see cref="RepeatedFailureLimits.NamesMax"/> names; while it has as many of the last
/// period, all further ones count as one, so a process tells at most <see cref="RepeatedFailureLimits.NamesMax"/> + 1 failures a period.
/// </remarks>
/// <param name="time">Tells when a failure may be told again.</param>
public sealed class RepeatedFailures(TimeProvider time)
{
    private const string AllOthers = "";

    private readonly Lock _gate = new();
    private readonly Dictionary<string, (long ToldAt, int Untold)> _failures = new(StringComparer.Ordinal);
    private long? _cleanedAt;

    /// <summary>Notes a failure.</summary>
    /// <param name="name">What failed; not empty. Failures of one name are one trouble.</param>
    /// <param name="count">How often it failed since it was told last, this time included; 0 when it is not to be told.</param>
    /// <returns>True when it is to be told now.</returns>
    public bool IsToTell(string name, out int count)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        lock (_gate)
        {
            if (!_failures.ContainsKey(name) && !HasRoom())
                name = AllOthers;
            count = 0;
            var isKnown = _failures.TryGetValue(name, out var known);
            if (isKnown && time.GetElapsedTime(known.ToldAt) < RepeatedFailureLimits.TellPeriod)
            {
                _failures[name] = known with { Untold = known.Untold + 1 };
                return false;
            }

            count = known.Untold + 1;
            _failures[name] = (time.GetTimestamp(), 0);
            return true;
        }
    }

    private bool HasRoom()
    {
        if (_failures.Count < RepeatedFailureLimits.NamesMax)
            return true;
        // Not at each failure: it looks at all names.
        if (_cleanedAt is { } cleanedAt && time.GetElapsedTime(cleanedAt) < RepeatedFailureLimits.CleanPeriod)
            return false;
        _cleanedAt = time.GetTimestamp();
        foreach (var (name, failure) in _failures)
        {
            if (time.GetElapsedTime(failure.ToldAt) >= RepeatedFailureLimits.TellPeriod)
                _failures.Remove(name);
        }

        return _failures.Count < RepeatedFailureLimits.NamesMax;
    }
}
