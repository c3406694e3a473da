namespace OrleansStream.Tests.Faults;

/// <summary>How often each fault was drawn, and how often it is proven to have taken effect: one that does nothing proves nothing.</summary>
internal sealed class FaultTally
{
    // A fault may miss once or twice: what it would hit is down by the other fault of the pair, or nobody asks for it meanwhile.
    private const int DrawnMin = 3;
    private readonly SortedDictionary<string, (int Drawn, int Effective)> _faults = new(StringComparer.Ordinal);

    /// <summary>A fault was drawn.</summary>
    /// <param name="fault">Its name.</param>
    /// <param name="tookEffect">Whether there is evidence of it.</param>
    public void Add(string fault, bool tookEffect)
    {
        var (drawn, effective) = _faults.GetValueOrDefault(fault);
        _faults[fault] = (drawn + 1, effective + (tookEffect ? 1 : 0));
    }

    /// <summary>The faults that were drawn several times and never took effect.</summary>
    public IReadOnlyList<string> Idle =>
        [.. _faults.Where(fault => fault.Value is { Drawn: >= DrawnMin, Effective: 0 }).Select(fault => fault.Key)];

    public override string ToString() =>
        "took effect: " + string.Join(", ", _faults.Select(fault => $"{fault.Key} {fault.Value.Effective} of {fault.Value.Drawn}"));
}
