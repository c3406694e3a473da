using OrleansStream.Errors;
using OrleansStream.Producers;
using OrleansStream.Randomness;

namespace OrleansStream.Gateway.Appending;

/// <summary>
/// Gives out the producer ids of clients, and says whether an id that a caller names was given out. Every request is checked here, by
/// <see cref="RecordsAppender"/>.
/// </summary>
/// <remarks>
/// A counter gives out ids in blocks, so the ids that were given out are one range, and a check is a comparison. An id above the known end of the
/// range makes the node ask the counter again, at most once in <see cref="AppendingLimits.ProducerIdsAskPause"/>. A request waits for a question that
/// is asked after it came, because the id may have been given out meanwhile. Ids that were not given out are not remembered. The check does not tell
/// which client has an id. A caller that uses the id of another client, or raises its epoch, disturbs only that client.
/// </remarks>
/// <param name="grains">The way to the counter.</param>
/// <param name="time">Times how long the service is asked for ids, and how seldom it is asked again.</param>
/// <param name="random">Where the jitter between questions comes from; null for <see cref="RandomSource.System"/>.</param>
public sealed class ClientProducerIds(IGrainFactory grains, TimeProvider time, RandomSource? random = null)
{
    private readonly Lock _gate = new();
    private ProducerIds? _ids;
    private long _end = ProducerIdRanges.ClientMin;
    private Task _lastQuestion = Task.CompletedTask;
    private Task? _nextQuestion;
    private long? _askedAt;

    private IProducerIdGrain Counter => grains.GetGrain<IProducerIdGrain>(IProducerIdGrain.Key);

    /// <summary>Gives out an id that nobody else has.</summary>
    /// <param name="timeout">How long to wait for it.</param>
    /// <exception cref="StreamException">There was none in time.</exception>
    public ValueTask<long> TakeAsync(TimeSpan timeout)
    {
        lock (_gate)
            _ids ??= new ProducerIds(TakeBlockAsync, time, random);
        return _ids.TakeAsync(timeout);
    }

    /// <summary>Judges the producers that a request names.</summary>
    /// <param name="named">The lowest and the highest of their ids.</param>
    /// <param name="timeout">How long to wait for an answer.</param>
    /// <returns>
    /// Null when all of them were given out to clients; else <see cref="StreamErrorCode.UnknownProducerId"/>, or
    /// <see cref="StreamErrorCode.CoordinatorNotAvailable"/> when that cannot be told now.
    /// </returns>
    public ValueTask<StreamError?> CheckAsync(NamedProducers named, TimeSpan timeout)
    {
        if (named.IsNone)
            return default;
        if (ProducerIdRanges.KindOf(named.LowestId) != ProducerIdKind.Client)
            return ValueTask.FromResult<StreamError?>(Refuse(named.LowestId));
        if (ProducerIdRanges.KindOf(named.HighestId) != ProducerIdKind.Client)
            return ValueTask.FromResult<StreamError?>(Refuse(named.HighestId));
        return named.HighestId < Volatile.Read(ref _end) ? default : new ValueTask<StreamError?>(AskAsync(named.HighestId, timeout));
    }

    private async Task<StreamError?> AskAsync(long id, TimeSpan timeout)
    {
        try
        {
            return await AppendRetry.CallAsync(time, timeout, random, async () =>
            {
                await JoinNextQuestion();
                return id < Volatile.Read(ref _end) ? null : Refuse(id);
            });
        }
        catch (Exception e) when (LostCalls.IsLost(e) || e is StreamException)
        {
            return new StreamError(
                StreamErrorCode.CoordinatorNotAvailable,
                $"Whether producer id {id} was given out cannot be told just now; nothing was stored. Try again.");
        }
    }

    /// <summary>Joins the next question to the counter. All callers that wait for it share its answer.</summary>
    private Task JoinNextQuestion()
    {
        lock (_gate)
            return _nextQuestion ??= AskNextAsync(_lastQuestion);
    }

    private async Task AskNextAsync(Task before)
    {
        // Up to here this runs under the gate of its caller, which has no task to return yet.
        await Task.Yield();
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_askedAt is { } askedAt && AppendingLimits.ProducerIdsAskPause - time.GetElapsedTime(askedAt) is { Ticks: > 0 } rest)
            await Task.Delay(rest, time);
        lock (_gate)
        {
            (_lastQuestion, _nextQuestion) = (_nextQuestion!, null);
            _askedAt = time.GetTimestamp();
        }

        Learn(await Counter.FindEndAsync());
    }

    private async Task<long> TakeBlockAsync()
    {
        var first = await Counter.TakeBlockAsync();
        Learn(first + ProducerLimits.IdsPerBlock);
        return first;
    }

    private void Learn(long end)
    {
        lock (_gate)
            _end = Math.Max(_end, end);
    }

    private static StreamError Refuse(long id) => new(
        StreamErrorCode.UnknownProducerId,
        $"Producer id {id} was not given out to a client by this service; nothing was stored. Take one first, or name none.");
}

/// <summary>
/// The producers that a request names, by their lowest and highest id. This is enough, because the ids that were given out are one range.
/// </summary>
/// <param name="LowestId">The lowest id.</param>
/// <param name="HighestId">The highest id; negative when no producer is named.</param>
public readonly record struct NamedProducers(long LowestId, long HighestId)
{
    /// <summary>No producer.</summary>
    public static readonly NamedProducers None = new(long.MaxValue, -1);

    /// <summary>True when no producer is named.</summary>
    public bool IsNone => HighestId < 0;

    /// <summary>These and one more.</summary>
    /// <param name="id">Its id.</param>
    public NamedProducers With(long id) => new(Math.Min(LowestId, id), Math.Max(HighestId, id));
}
