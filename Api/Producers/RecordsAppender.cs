using OrleansStream.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Api.Producers;

/// <summary>
/// Appends the records of a request under an identity of their own, so that a server's death costs the producer time and not an
/// error or a duplicate: a call that is lost is repeated through another server until its outcome is known or its time is over.
/// </summary>
/// <param name="grains">The way to the grains.</param>
/// <param name="lanes">Gives each request its identity.</param>
/// <param name="time">The clock.</param>
internal sealed class RecordsAppender(IGrainFactory grains, ProducerLanes lanes, TimeProvider time)
{
    private readonly GrainLookup<ITopicRouterGrain> _routers = new(grains);
    private readonly TopicPlans _plans = new();
    private uint _keylessTurn = (uint)Random.Shared.Next();

    /// <summary>Appends records.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="request">The request, without identity.</param>
    /// <returns>What came of it; failures of servers and lines are errors in it.</returns>
    public async ValueTask<AppendOutcome> AppendAsync(string topic, RecordsAppendRequest request)
    {
        long startedAt = time.GetTimestamp();
        if (request.Acks == Acks.None)
            return await TryAsync(topic, request);
        ProducerLane lane;
        try
        {
            lane = await lanes.RentAsync(TopicLimits.AppendTimeout);
        }
        catch (StreamException e)
        {
            return new AppendOutcome(new RecordsAppendResponse([], default, e.Error), IsMemoryFree: true);
        }

        var identity = new AppendIdentity(
            lane.Id, lane.Epoch, _plans.Find(topic), time.GetUtcNow().ToUnixTimeMilliseconds(), NextKeylessStart(), LeftMs(startedAt));
        AppendOutcome outcome = await RepeatAsync(topic, request with { Identity = identity }, isOpen: false, startedAt);
        if (!HasOpenOutcome(outcome.Response))
            lanes.Return(lane);
        return outcome;
    }

    /// <summary>Appends records under an identity of the client's.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="request">The request, without identity.</param>
    /// <param name="client">The identity.</param>
    public ValueTask<AppendOutcome> AppendAsync(string topic, RecordsAppendRequest request, ClientIdentity client)
    {
        long startedAt = time.GetTimestamp();
        AppendIdentity identity = client.Identity with
        {
            Topic = client.Identity.Topic ?? _plans.Find(topic), TimeoutMs = LeftMs(startedAt),
        };
        return RepeatAsync(topic, request with { Identity = identity }, client.IsResumed, startedAt);
    }

    /// <summary>Where the turn of partitions begins for the keyless records of the next request.</summary>
    /// <remarks>
    /// Multiples of the golden ratio: even over any count of partitions, also for a client that sends keyless records in every nth
    /// request only.
    /// </remarks>
    public int NextKeylessStart() => (int)((Interlocked.Increment(ref _keylessTurn) * 0x9E3779B9u) >> 16);

    /// <param name="topic">The topic's name.</param>
    /// <param name="request">The request with its identity.</param>
    /// <param name="isOpen">True when an earlier call may have stored some of it.</param>
    /// <param name="startedAt">When its time began.</param>
    private async ValueTask<AppendOutcome> RepeatAsync(string topic, RecordsAppendRequest request, bool isOpen, long startedAt)
    {
        bool isMemoryFree = true;
        while (true)
        {
            AppendOutcome outcome = await TryAsync(topic, request);
            isMemoryFree &= outcome.IsMemoryFree;
            bool isLost = !outcome.IsMemoryFree;
            AppendIdentity identity = request.Identity!;
            if (outcome.Response.PlanBy is { } current)
            {
                _plans.Learn(current);
                identity = identity with { Topic = current };
            }
            else if (!isLost)
            {
                return new AppendOutcome(isOpen ? Opened(outcome.Response) : outcome.Response, isMemoryFree);
            }

            // Without a topic to plan by the call stored nothing, whatever became of it.
            isOpen |= isLost && identity.Topic is not null;
            if (LeftMs(startedAt) <= Limits.LostCallPause.TotalMilliseconds)
                return new AppendOutcome(isOpen ? Opened(outcome.Response) : NotBegun(), isMemoryFree);
            if (isLost)
                await Task.Delay(Limits.LostCallPause, time);
            request = request with { Identity = identity with { IsRepeat = identity.IsRepeat || isOpen, TimeoutMs = LeftMs(startedAt) } };
        }
    }

    /// <summary>Calls the router once. A call that is lost is an error whose outcome is open, and leaves the request's memory in use.</summary>
    private async ValueTask<AppendOutcome> TryAsync(string topic, RecordsAppendRequest request)
    {
        try
        {
            // The caller's going away does not cancel: whether the records are stored must not depend on when it went.
            ValueTask<RecordsAppendResponse> call = _routers.Get(topic).AppendAsync(request, CancellationToken.None);
            // The first call is given up by its own response timeout, which is as long.
            RecordsAppendResponse response = request.Identity is { IsRepeat: true } identity
                ? await call.AsTask().WaitAsync(TimeSpan.FromMilliseconds(identity.TimeoutMs), time)
                : await call;
            bool isMemoryFree = request.Identity is not null || !HasOpenOutcome(response);
            return new AppendOutcome(response, isMemoryFree);
        }
        catch (Exception e) when (e is OrleansException or TimeoutException)
        {
            return new AppendOutcome(new RecordsAppendResponse([], default, Lost()), IsMemoryFree: false);
        }
    }

    private int LeftMs(long startedAt) => (int)Math.Max(0, (TopicLimits.AppendTimeout - time.GetElapsedTime(startedAt)).TotalMilliseconds);

    /// <summary>An answer to a repeat: what it says was not stored may have been stored by the call that was lost, or be so yet.</summary>
    private static RecordsAppendResponse Opened(RecordsAppendResponse response) => response with
    {
        Error = response.Error is { } error ? error with { OutcomeUnknown = true } : null,
        Parts = [.. response.Parts.Select(part => part.Response.Error is { } failure
            ? part with { Response = part.Response with { Error = failure with { OutcomeUnknown = true } } }
            : part)],
    };

    internal static bool HasOpenOutcome(RecordsAppendResponse response)
    {
        if (response.Error is { OutcomeUnknown: true })
            return true;
        foreach (AppendPart part in response.Parts)
        {
            if (part.Response.Error is { OutcomeUnknown: true })
                return true;
        }

        return false;
    }

    private static StreamError Lost() =>
        new(StreamErrorCode.RequestTimedOut, "The service did not answer in time.") { OutcomeUnknown = true };

    private static RecordsAppendResponse NotBegun() => new([], default, new StreamError(
        StreamErrorCode.NotLeaderOrFollower, "The topic could not be reached in time; nothing was stored."));
}

/// <summary>What came of an append.</summary>
/// <param name="Response">The answer.</param>
/// <param name="IsMemoryFree">False when a call that was given up may still be reading the request's batches.</param>
internal readonly record struct AppendOutcome(RecordsAppendResponse Response, bool IsMemoryFree);
