using System.Collections.Concurrent;
using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Security;
using OrleansStream.Security;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Topics;

/// <summary>Finds the topics whose names match a regular expression, among those that a caller may see. Safe for any thread.</summary>
/// <remarks>
/// The list of all names is read at most every <see cref="TopicPatternLimits.NamesAgeMax"/>. The matches of an expression are remembered until the
/// list changes, so members that ask for them every few seconds cost little. Only names are remembered: an expression that was read keeps an
/// automaton, whose size nobody knows.
/// </remarks>
/// <param name="access">Knows what callers may see.</param>
/// <param name="grains">The way to the catalogue.</param>
/// <param name="lost">Repeats reads whose reply was lost.</param>
/// <param name="time">Gives the age of remembered matches, and bounds the time of a match.</param>
public sealed class TopicPatterns(AccessControl access, IGrainFactory grains, LostReads lost, TimeProvider time) : IDisposable
{
    private readonly ConcurrentDictionary<string, Matches> _matches = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _turn = new(TopicPatternLimits.MatchedAtOnce);
    private readonly Lock _gate = new();
    private Task<Names>? _reading;
    private Names? _names;

    /// <summary>Finds the topics that match.</summary>
    /// <param name="caller">On whose behalf. A topic that it may not describe is no match.</param>
    /// <param name="pattern">The expression, in RE2's syntax. It matches whole names. The service's own topics never match.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The names, in ordinal order.</returns>
    /// <exception cref="StreamException">
    /// <see cref="StreamErrorCode.InvalidRegularExpression"/>; <see cref="StreamErrorCode.PolicyViolation"/>: too many topics match;
    /// <see cref="StreamErrorCode.CoordinatorLoadInProgress"/>: the matching, or the wait for others', takes too long just now.
    /// </exception>
    /// <exception cref="OrleansException">The catalogue could not be asked.</exception>
    /// <exception cref="TimeoutException">The catalogue does not answer in <see cref="TopicPatternLimits.NamesWaitMax"/>.</exception>
    public async ValueTask<ImmutableArray<string>> MatchAsync(Caller caller, string pattern, CancellationToken cancellationToken)
    {
        var visible = access.VisibleTo(caller, ResourceKind.Topic);
        ImmutableArray<string> found =
        [
            .. (await MatchAllAsync(pattern, await GetNamesAsync(cancellationToken), cancellationToken)).Where(visible.Contains),
        ];
        return found.Length <= TopicPatternLimits.MatchesMax ? found : throw new StreamException(new StreamError(
            StreamErrorCode.PolicyViolation,
            $"'{pattern}' matches {found.Length} topics; a regular expression may match at most {TopicPatternLimits.MatchesMax}."));
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private async ValueTask<ImmutableArray<string>> MatchAllAsync(string pattern, ImmutableArray<string> names, CancellationToken cancellationToken)
    {
        if (Find() is not { } matches)
        {
            if (!await _turn.WaitAsync(TopicPatternLimits.TurnWaitMax, cancellationToken))
            {
                throw new StreamException(new StreamError(
                    StreamErrorCode.CoordinatorLoadInProgress, "Too many regular expressions are to be matched just now. Retry."));
            }

            try
            {
                // Another member may have asked for the same meanwhile.
                matches = Find() ?? Keep(pattern, Match(pattern, names));
            }
            finally
            {
                _turn.Release();
            }
        }

        return matches.Error is { } error ? throw new StreamException(error) : matches.Found;

        Matches? Find() => _matches.TryGetValue(pattern, out var known) && IsStillTrue(known, names) ? known : null;
    }

    private Matches Keep(string pattern, Matches matches)
    {
        if (_matches.Count >= TopicPatternLimits.RememberedMax)
            _matches.Clear();
        return _matches[pattern] = matches;
    }

    // What took too long may have met a pause of the machine; but a costly expression must not cost so much with each heartbeat.
    private bool IsStillTrue(Matches known, ImmutableArray<string> names) =>
        known.Error is { Code: StreamErrorCode.CoordinatorLoadInProgress }
            ? time.GetElapsedTime(known.At) < TopicPatternLimits.TooLongRememberedFor : known.Among == names;

    private Matches Match(string pattern, ImmutableArray<string> names)
    {
        try
        {
            return new Matches(time.GetTimestamp(), names, TopicPattern.Parse(pattern).Match(names, time), Error: null);
        }
        catch (StreamException exception)
        {
            return new Matches(time.GetTimestamp(), names, [], exception.Error);
        }
    }

    private async ValueTask<ImmutableArray<string>> GetNamesAsync(CancellationToken cancellationToken)
    {
        Task<Names> reading;
        lock (_gate)
        {
            if (_names is { } known && time.GetElapsedTime(known.At) < TopicPatternLimits.NamesAgeMax)
                return known.All;
            if (_reading is not { IsCompleted: false })
                _reading = Task.Run(ReadNamesAsync, CancellationToken.None);
            reading = _reading;
        }

        return (await reading.WaitAsync(TopicPatternLimits.NamesWaitMax, time, cancellationToken)).All;
    }

    private async Task<Names> ReadNamesAsync()
    {
        var at = time.GetTimestamp();
        var all = ImmutableArray.CreateBuilder<string>();
        string? after = null;
        do
        {
            var page = await lost.RepeatAsync(
                () => new ValueTask<CatalogPage>(
                    grains.GetGrain<ITopicCatalogGrain>(ITopicCatalogGrain.Key).ListAsync("", after, TopicLimits.CatalogPageMax)),
                CancellationToken.None);
            all.AddRange(page.Topics.Select(topic => topic.Name).Where(
                name => !name.StartsWith(AccessControl.ServicePrefix, StringComparison.Ordinal)));
            after = page.NextAfter;
        }
        while (after is not null);

        lock (_gate)
        {
            // The same list as before keeps the matches in it.
            var isSame = _names is { } known && known.All.SequenceEqual(all);
            return _names = new Names(at, isSame ? _names!.All : all.ToImmutable());
        }
    }

    /// <param name="At">When they were read.</param>
    /// <param name="All">The names of all topics but the service's own, in ordinal order.</param>
    private sealed record Names(long At, ImmutableArray<string> All);

    /// <param name="At">When they were looked at.</param>
    /// <param name="Among">The names that were looked at.</param>
    /// <param name="Found">Those that match.</param>
    /// <param name="Error">Why it matches nothing.</param>
    private sealed record Matches(long At, ImmutableArray<string> Among, ImmutableArray<string> Found, StreamError? Error);
}
