using OrleansStream.Errors;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Gateway.Appending;

/// <summary>The results of an append's tries so far: which parts are settled, and whether other parts may be stored. It calls nobody.</summary>
/// <remarks>
/// After partitions have answered a try, later tries keep its division into parts. The next try sends the open parts, in order: each part that failed
/// and may be repeated, and all parts behind it in the same partition. A request without an identity is repeated only if nothing of it is stored.
/// </remarks>
/// <param name="identity">The identity by which partitions recognize the append; null for none.</param>
/// <param name="isResumed">True when an earlier request under the identity may have stored some of it.</param>
internal sealed class AppendTries(AppendIdentity? identity, bool isResumed = false)
{
    private AppendIdentity? _identity = identity;
    private RecordsAppendResponse? _answer;

    // Which parts of the kept division are open. Null while none is kept.
    private bool[]? _open;

    // Which parts an earlier try may have stored. Null when there is no such part.
    private bool[]? _doubts;

    // True when a lost call may have stored any part that is not settled.
    private bool _isAllInDoubt = isResumed;
    private bool _wasTried;

    /// <summary>False when a call that was given up may still be reading the request's batches.</summary>
    public bool IsMemoryFree { get; private set; } = true;

    /// <summary>The identity of the next try; null for none.</summary>
    /// <param name="leftMs">The time that is left, in milliseconds.</param>
    public AppendIdentity? Next(int leftMs)
    {
        if (!_wasTried || _identity is null)
        {
            _wasTried = true;
            return _identity;
        }

        return _identity with
        {
            TimeoutMs = leftMs,
            IsRepeat = _identity.IsRepeat || _isAllInDoubt || _open is not null,
            SettledParts = _open is null ? null : [.. _open.Select((isOpen, part) => isOpen ? (StoredPart?)null : _answer!.Parts[part].ToStored())],
        };
    }

    /// <summary>Lets the next try be partitioned by another version of the topic. The last try stored nothing.</summary>
    /// <param name="topic">The topic as it is.</param>
    public void PartitionBy(TopicMetadata topic) => _identity = _identity is null ? null : _identity with { Topic = topic };

    /// <summary>Notes that the call was lost.</summary>
    /// <returns>True when it may be made again.</returns>
    public bool TakeLoss()
    {
        IsMemoryFree = false;
        // A request without a version of the topic is only answered with that version, so the lost call stored nothing.
        _isAllInDoubt |= _identity is not { Topic: null };
        return _identity is not null;
    }

    /// <summary>Takes the answer of a try.</summary>
    /// <param name="response">The answer.</param>
    /// <returns>True when something is to be sent again.</returns>
    public bool Take(RecordsAppendResponse response)
    {
        IsMemoryFree &= !response.HasStrays && !RecordsAppender.HasOpenOutcome(response);
        if (response.Error is { } error)
        {
            TakeRefusal(response, error);
            // Only another try can tell what became of records that an earlier try may have stored.
            return AppendRetry.IsRepeated(error with { OutcomeUnknown = error.OutcomeUnknown || IsAnyOpenInDoubt() }, _identity is not null);
        }

        Merge(response);
        if (_answer!.Parts.All(part => part.Response.Error is null))
            return false;
        var open = FindOpen();
        if (!open.Contains(true))
            return false;
        if (_identity is null)
            return IsNothingStored();
        _open = open;
        return true;
    }

    /// <summary>
    /// The answer to the request. If an earlier try may have stored a part that the last try refused, the part's outcome is unknown. A part that was
    /// refused because it is stored is not in doubt.
    /// </summary>
    public RecordsAppendResponse Answer()
    {
        if (_answer is null)
            return _isAllInDoubt ? Lost() : NotBegun();
        if (!_isAllInDoubt && _doubts is null)
            return _answer;
        return _answer with
        {
            Error = _answer.Error is { } error ? error with { OutcomeUnknown = true } : null,
            Parts = [.. _answer.Parts.Select((part, i) =>
                part.Response.Error is { Code: not StreamErrorCode.DuplicateSequenceNumber } failure && IsInDoubt(i)
                    ? With(part, failure with { OutcomeUnknown = true })
                    : part)],
        };
    }

    private void TakeRefusal(RecordsAppendResponse response, StreamError error)
    {
        _isAllInDoubt |= error.OutcomeUnknown;
        _answer = _open is null
            ? response
            : _answer! with { Parts = [.. _answer.Parts.Select((part, i) => _open[i] ? With(part, error) : part)] };
    }

    private void Merge(RecordsAppendResponse response)
    {
        if (_open is not null && _open.Length == response.Parts.Length)
        {
            response.RecordMemory?.Dispose();
            _answer = _answer! with
            {
                Parts = [.. response.Parts.Select((part, i) => _open[i] ? part : _answer.Parts[i])],
                HasStrays = _answer.HasStrays || response.HasStrays,
            };
        }
        else
        {
            _answer?.RecordMemory?.Dispose();
            _answer = response;
        }

        for (var i = 0; i < _answer.Parts.Length; i++)
        {
            if (_answer.Parts[i].Response.Error is { OutcomeUnknown: true })
                (_doubts ??= new bool[_answer.Parts.Length])[i] = true;
        }
    }

    // No part behind an open part of its partition is stored, so sending them again in order keeps their order.
    private bool[] FindOpen()
    {
        var open = new bool[_answer!.Parts.Length];
        var partitions = new HashSet<int>();
        for (var i = 0; i < open.Length; i++)
        {
            var part = _answer.Parts[i];
            open[i] = part.Response.Error is { } error
                && (AppendRetry.IsRepeated(error, _identity is not null) || (part.Partition >= 0 && partitions.Contains(part.Partition)));
            if (open[i])
                partitions.Add(part.Partition);
        }

        return open;
    }

    private bool IsNothingStored() => _doubts is null && !_answer!.HasStrays && _answer.Parts.All(part => part.Response.Error is not null);

    private bool IsAnyOpenInDoubt() =>
        _isAllInDoubt || (_open is { } open && Enumerable.Range(0, open.Length).Any(part => open[part] && IsInDoubt(part)));

    private bool IsInDoubt(int part) => _isAllInDoubt || (_doubts is { } doubts && part < doubts.Length && doubts[part]);

    private static AppendPart With(in AppendPart part, StreamError error) => part with { Response = part.Response with { Error = error } };

    private static RecordsAppendResponse Lost() => new([], default, new StreamError(
        StreamErrorCode.RequestTimedOut, "The service did not answer in time.") { OutcomeUnknown = true });

    private static RecordsAppendResponse NotBegun() => new([], default, new StreamError(
        StreamErrorCode.NotLeaderOrFollower, "The topic could not be reached in time; nothing was stored."));
}
