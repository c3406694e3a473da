namespace OrleansStream.Groups;

/// <summary>What a step of a redrive has done so far, in the order of the dead letters.</summary>
/// <param name="step">The step.</param>
internal sealed class RedriveTally(RedriveStep step)
{
    private readonly Dictionary<string, RedriveRefusal> _refusals = new(StringComparer.Ordinal);
    private readonly List<DeadLetterRange> _left = [];
    private long _next = step.Offset;
    private int _redriven;
    private long _kept;
    private long _gone;

    /// <summary>Counts a dead letter that went back or is kept.</summary>
    /// <param name="letter">The dead letter.</param>
    /// <param name="reason">Why it is kept; null when it went back.</param>
    /// <param name="detail">What there is to say of that.</param>
    public void Count(DeadLetter letter, string? reason, string? detail)
    {
        _next = letter.Offset + letter.Count;
        if (reason is null)
        {
            _redriven++;
            return;
        }

        _kept += letter.Count;
        Refuse(reason, letter.Count, detail);
    }

    /// <summary>Notes that dead letters are to be looked at again where they are.</summary>
    /// <param name="offset">The first.</param>
    /// <param name="endOffset">Behind the last.</param>
    public void Leave(long offset, long endOffset)
    {
        if (_left.Count > 0 && _left[^1].EndOffset == offset)
            _left[^1] = _left[^1] with { EndOffset = endOffset };
        else
            _left.Add(new DeadLetterRange(offset, endOffset));
    }

    /// <summary>Counts dead letters that are deleted by now.</summary>
    /// <param name="endOffset">Behind the last of them.</param>
    /// <param name="detail">What became of them.</param>
    public void Lose(long endOffset, string detail)
    {
        var count = Math.Max(0, endOffset - _next);
        _gone += count;
        Refuse(RedriveReasons.Deleted, count, detail);
        _next = endOffset;
    }

    /// <summary>Notes that there is nothing more before an offset.</summary>
    /// <param name="offset">The offset.</param>
    public void PassTo(long offset) => _next = Math.Max(_next, offset);

    /// <summary>The answer.</summary>
    /// <param name="trouble">Why the next dead letter could not be taken; null when there was no trouble.</param>
    public RedriveStepResponse ToResponse(Errors.StreamError? trouble) => new(trouble, _next, _redriven, (int)Math.Min(_kept, int.MaxValue))
    {
        GoneCount = _gone,
        Refusals = [.. _refusals.Values],
        Left = [.. _left],
    };

    private void Refuse(string reason, long count, string? detail)
    {
        var shown = detail?.Length > GroupGrainLimits.RedriveDetailLengthMax ? detail[..GroupGrainLimits.RedriveDetailLengthMax] : detail;
        _refusals[reason] = new RedriveRefusal(reason, count + (_refusals.GetValueOrDefault(reason)?.Count ?? 0), shown);
    }
}
