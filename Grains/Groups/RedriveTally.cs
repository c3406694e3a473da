namespace OrleansStream.Groups;

/// <summary>Counts the results of a redrive's step, in the order of the dead letters.</summary>
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
    /// <param name="reason">The reason for which it is kept; null when it went back.</param>
    /// <param name="detail">Details of the reason.</param>
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

    /// <summary>Notes that dead letters stay where they are, so that the next redrive looks at them again.</summary>
    /// <param name="offset">The first offset.</param>
    /// <param name="endOffset">The offset behind the last.</param>
    public void Leave(long offset, long endOffset)
    {
        if (_left.Count > 0 && _left[^1].EndOffset == offset)
            _left[^1] = _left[^1] with { EndOffset = endOffset };
        else
            _left.Add(new DeadLetterRange(offset, endOffset));
    }

    /// <summary>Counts dead letters that have been deleted.</summary>
    /// <param name="endOffset">The offset behind the last of them.</param>
    /// <param name="detail">How they were deleted.</param>
    public void Lose(long endOffset, string detail)
    {
        var count = Math.Max(0, endOffset - _next);
        _gone += count;
        Refuse(RedriveReasons.Deleted, count, detail);
        _next = endOffset;
    }

    /// <summary>Notes that no more dead letters come before an offset.</summary>
    /// <param name="offset">The offset.</param>
    public void PassTo(long offset) => _next = Math.Max(_next, offset);

    /// <summary>Returns the answer of the step.</summary>
    /// <param name="trouble">The error of the next dead letter; null when there was none.</param>
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
