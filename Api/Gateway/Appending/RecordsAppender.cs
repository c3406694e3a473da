using System.Runtime.CompilerServices;
using OrleansStream.Errors;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Records;
using OrleansStream.Security;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Gateway.Appending;

/// <summary>
/// Appends the records of a request under an identity of their own, so that a server's death costs the producer time and not an
/// error or a duplicate: a call that is lost is repeated through another server until its outcome is known or its time is over.
/// Every door appends through here, so that producers which callers name are judged in this one place.
/// </summary>
/// <param name="access">Decides who may.</param>
/// <param name="routes">The way to the topics.</param>
/// <param name="producers">Tells which producers callers may name.</param>
/// <param name="lanes">Gives each request its identity.</param>
/// <param name="time">The clock.</param>
public sealed class RecordsAppender(AccessControl access, TopicRoutes routes, ClientProducerIds producers, ProducerLanes lanes, TimeProvider time)
{
    private readonly TopicPlans _plans = new();
    private uint _keylessTurn = (uint)Random.Shared.Next();

    /// <summary>Appends records.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="records">The records.</param>
    /// <returns>What came of it; failures of servers and lines are errors in it.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<AppendOutcome> AppendAsync(Caller caller, string topic, AppendRecords records)
    {
        if (access.FindRefusal(caller, AccessOperations.Write, topic) is { } refusal)
            return AppendOutcome.Refused(refusal);
        var startedAt = time.GetTimestamp();
        var named = ProducersOf(records.Batches.Span);
        if (await producers.CheckAsync(named, TopicLimits.AppendTimeout) is { } unknown)
            return AppendOutcome.Refused(unknown);
        if (records.Acks == Acks.None)
            return await TryAsync(topic, records.With(identity: null)) is { } response ? OutcomeOf(response) : new AppendOutcome(Lost(), IsMemoryFree: false);
        for (var changes = 0; ; changes++)
        {
            ProducerLane lane;
            try
            {
                lane = await lanes.RentAsync(TopicLimits.AppendTimeout);
            }
            catch (StreamException e)
            {
                return AppendOutcome.Refused(e.Error);
            }

            var identity = new AppendIdentity(
                lane.Id, lane.Epoch, _plans.Find(topic), time.GetUtcNow().ToUnixTimeMilliseconds(), NextKeylessStart(), LeftMs(startedAt));
            var outcome = await RepeatAsync(topic, records, identity, isOpen: false, startedAt);
            // Where batches name producers of their own, a fence may be theirs.
            var isFenced = named.IsNone && FencedIdentity.IsIn(outcome.Response);
            if (!isFenced && !HasOpenOutcome(outcome.Response))
                lanes.Return(lane);
            if (!isFenced)
                return outcome;
            if (!outcome.IsMemoryFree || !FencedIdentity.KeptAllOut(outcome.Response)
                || changes == AppendingLimits.ProducerLaneChangesMax || LeftMs(startedAt) == 0)
            {
                return outcome with { Response = FencedIdentity.Told(outcome.Response) };
            }

            // Nothing is stored, and no call is under way that could store it yet: so the request begins anew under another lane.
            RecordBatchHeader.ClearProducers(records.Batches.Span);
        }
    }

    /// <summary>Appends records under an identity of the client's.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="records">The records.</param>
    /// <param name="client">The identity.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<AppendOutcome> AppendAsync(Caller caller, string topic, AppendRecords records, ClientIdentity client)
    {
        if (access.FindRefusal(caller, AccessOperations.Write, topic) is { } refusal)
            return AppendOutcome.Refused(client.IsResumed ? refusal with { OutcomeUnknown = true } : refusal);
        var startedAt = time.GetTimestamp();
        var named = ProducersOf(records.Batches.Span);
        var judged = client.Identity.IsClients ? named.With(client.Identity.ProducerId) : named;
        if (await producers.CheckAsync(judged, TopicLimits.AppendTimeout) is { } unknown)
            return AppendOutcome.Refused(client.IsResumed ? unknown with { OutcomeUnknown = true } : unknown);
        var identity = client.Identity with
        {
            Topic = client.Identity.Topic ?? _plans.Find(topic), TimeoutMs = LeftMs(startedAt),
        };
        var outcome = await RepeatAsync(topic, records, identity, client.IsResumed, startedAt);
        return outcome with { IsFenced = judged.IsNone && FencedIdentity.KeptAllOut(outcome.Response) };
    }

    /// <summary>Where the turn of partitions begins for the keyless records of the next request.</summary>
    /// <remarks>
    /// Multiples of the golden ratio: even over any count of partitions, also for a client that sends keyless records in every nth
    /// request only.
    /// </remarks>
    public int NextKeylessStart() => (int)((Interlocked.Increment(ref _keylessTurn) * 0x9E3779B9u) >> 16);

    /// <param name="topic">The topic's name.</param>
    /// <param name="records">The records.</param>
    /// <param name="identity">Their identity.</param>
    /// <param name="isOpen">True when an earlier call may have stored some of it.</param>
    /// <param name="startedAt">When its time began.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<AppendOutcome> RepeatAsync(
        string topic, AppendRecords records, AppendIdentity identity, bool isOpen, long startedAt)
    {
        // Before the first call: later ones may have others beside them that still read the batches.
        RecordBatchHeader.StampProducers(records.Batches.Span, identity.ProducerId, identity.ProducerEpoch, identity.BaseSequence);
        var isMemoryFree = true;
        while (true)
        {
            var response = await TryAsync(topic, records.With(identity));
            isMemoryFree &= response is not null && OutcomeOf(response).IsMemoryFree;
            if (response?.PlanBy is { } current)
            {
                _plans.Learn(current);
                identity = identity with { Topic = current };
            }
            else if (response is not null)
            {
                return new AppendOutcome(isOpen ? Opened(response) : response, isMemoryFree);
            }

            // Without a topic to plan by the call stored nothing, whatever became of it.
            isOpen |= response is null && identity.Topic is not null;
            if (LeftMs(startedAt) <= AppendingLimits.LostCallPause.TotalMilliseconds)
                return new AppendOutcome(isOpen ? Opened(response ?? Lost()) : NotBegun(), isMemoryFree);
            if (response is null)
                await Task.Delay(AppendingLimits.LostCallPause, time);
            identity = identity with { IsRepeat = identity.IsRepeat || isOpen, TimeoutMs = LeftMs(startedAt) };
        }
    }

    /// <summary>Calls the router once.</summary>
    /// <returns>Null when the call was lost: then its outcome is open, and it may be reading the batches.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RecordsAppendResponse?> TryAsync(string topic, RecordsAppendRequest request)
    {
        try
        {
            // The caller's going away does not cancel: whether the records are stored must not depend on when it went.
            var call = routes.AppendAsync(topic, request, CancellationToken.None);
            // The first call is given up by its own response timeout, which is as long.
            return request.Identity is { IsRepeat: true } identity
                ? await call.AsTask().WaitAsync(TimeSpan.FromMilliseconds(identity.TimeoutMs), time)
                : await call;
        }
        catch (Exception e) when (e is OrleansException or TimeoutException)
        {
            return null;
        }
    }

    private static NamedProducers ProducersOf(ReadOnlySpan<byte> batches)
    {
        var named = NamedProducers.None;
        for (; RecordBatchHeader.TryRead(batches, out var header); batches = batches[header.LengthBytes..])
        {
            // Control and transactional batches are refused by the log, whoever they name.
            if (header is { HasProducer: true, IsControl: false, IsTransactional: false })
                named = named.With(header.ProducerId);
        }

        return named;
    }

    private static AppendOutcome OutcomeOf(RecordsAppendResponse response) =>
        new(response, IsMemoryFree: !response.HasStrays && !HasOpenOutcome(response));

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
        foreach (var part in response.Parts)
        {
            if (part.Response.Error is { OutcomeUnknown: true })
                return true;
        }

        return false;
    }

    private static RecordsAppendResponse Lost() => new([], default, new StreamError(
        StreamErrorCode.RequestTimedOut, "The service did not answer in time.") { OutcomeUnknown = true });

    private static RecordsAppendResponse NotBegun() => new([], default, new StreamError(
        StreamErrorCode.NotLeaderOrFollower, "The topic could not be reached in time; nothing was stored."));
}

/// <summary>Records to append, which are given their identity on the way.</summary>
/// <param name="Batches">
/// Whole batches. Those that name no producer are made to name the request's, so this memory must be the caller's alone; and it stays
/// in use while <see cref="AppendOutcome.IsMemoryFree"/> is false.
/// </param>
/// <param name="Partition">As <see cref="RecordsAppendRequest"/> has it.</param>
/// <param name="RecordPartitions">As there.</param>
/// <param name="Acks">As there.</param>
/// <param name="ExpectedNextOffset">As there.</param>
public readonly record struct AppendRecords(
    Memory<byte> Batches, int? Partition, ReadOnlyMemory<int> RecordPartitions, Acks Acks, long? ExpectedNextOffset)
{
    /// <summary>The request for the router.</summary>
    /// <param name="identity">Its identity; null for none.</param>
    public RecordsAppendRequest With(AppendIdentity? identity) =>
        new(Batches, Partition, RecordPartitions, Acks, ExpectedNextOffset, identity);
}

/// <summary>What came of an append.</summary>
/// <param name="Response">The answer.</param>
/// <param name="IsMemoryFree">False when a call that was given up may still be reading the request's batches.</param>
public readonly record struct AppendOutcome(RecordsAppendResponse Response, bool IsMemoryFree)
{
    /// <summary>Nothing was appended.</summary>
    /// <param name="error">Why.</param>
    public static AppendOutcome Refused(StreamError error) => new(new RecordsAppendResponse([], default, error), IsMemoryFree: true);

    /// <summary>True when nothing was stored, since partitions know a newer epoch of an identity that the service gave a client's key.</summary>
    public bool IsFenced { get; init; }
}
