using System.Runtime.CompilerServices;
using OrleansStream.Errors;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Instrumentation;
using OrleansStream.Partitions;
using OrleansStream.Randomness;
using OrleansStream.Records;
using OrleansStream.Security;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Gateway.Appending;

/// <summary>
/// Appends the records of a request under an identity of its own. So the death of a server costs the producer time, and causes neither errors nor
/// duplicates: an append that was lost, or refused only for a moment, is repeated until its outcome is known or its time is over
/// (<see cref="AppendRetry"/>). All requests append through this class, so the producers that callers name are checked in one place.
/// </summary>
/// <param name="access">Decides who may.</param>
/// <param name="routes">The way to the topics.</param>
/// <param name="producers">Tells which producers callers may name.</param>
/// <param name="lanes">Gives each request its identity.</param>
/// <param name="time">Dates records without a time, and times repeats.</param>
/// <param name="random">Where random choices come from; null for <see cref="RandomSource.System"/>.</param>
public sealed class RecordsAppender(
    AccessControl access, TopicRoutes routes, ClientProducerIds producers, ProducerLanes lanes, TimeProvider time, RandomSource? random = null)
{
    private readonly PartitioningVersions _versions = new();
    private uint _keylessTurn = (uint)((random ?? RandomSource.System).NextDouble() * uint.MaxValue);

    /// <summary>Appends records.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="records">The records.</param>
    /// <returns>The outcome. Failures of servers and connections are errors in it.</returns>
    public ValueTask<RecordsAppendOutcome> AppendAsync(Caller caller, string topic, AppendRecords records) => StreamTelemetry.Recorded is null
        ? AppendUnderLaneAsync(caller, topic, records)
        : TraceAsync(caller, topic, records, client: null);

    /// <summary>Appends records under an identity of the client's.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="records">The records.</param>
    /// <param name="client">The identity.</param>
    public ValueTask<RecordsAppendOutcome> AppendAsync(Caller caller, string topic, AppendRecords records, ClientIdentity client) =>
        StreamTelemetry.Recorded is null
            ? AppendUnderClientAsync(caller, topic, records, client)
            : TraceAsync(caller, topic, records, client);

    /// <summary>The number that chooses the partition of the next request's records without a key.</summary>
    /// <remarks>
    /// Multiples of the golden ratio spread evenly over any count of partitions, also for a client that sends records without a key only in every nth
    /// request.
    /// </remarks>
    public int NextKeylessStart() => (int)((Interlocked.Increment(ref _keylessTurn) * 0x9E3779B9u) >> 16);

    private async ValueTask<RecordsAppendOutcome> TraceAsync(Caller caller, string topic, AppendRecords records, ClientIdentity? client)
    {
        using var span = AppendSpan.Start(topic, records);
        var outcome = client is null
            ? await AppendUnderLaneAsync(caller, topic, records)
            : await AppendUnderClientAsync(caller, topic, records, client);
        AppendSpan.Describe(span, outcome);
        return outcome;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RecordsAppendOutcome> AppendUnderLaneAsync(Caller caller, string topic, AppendRecords records)
    {
        if (access.FindRefusal(caller, AccessOperations.Write, topic) is { } refusal)
            return RecordsAppendOutcome.Refused(refusal);
        var retry = new AppendRetry(time, TopicLimits.AppendTimeout, random);
        var named = ProducersOf(records.Batches.Span);
        if (await producers.CheckAsync(named, TopicLimits.AppendTimeout) is { } unknown)
            return RecordsAppendOutcome.Refused(unknown);
        if (records.Acks == Acks.None)
        {
            return await RepeatAsync(
                topic, records, new AppendTries(identity: null), new AppendRetry(time, AppendingLimits.UnacknowledgedTimeout, random));
        }

        for (var changes = 0; ; changes++)
        {
            ProducerLane lane;
            try
            {
                lane = await lanes.RentAsync(TimeSpan.FromMilliseconds(retry.LeftMs));
            }
            catch (StreamException e)
            {
                return RecordsAppendOutcome.Refused(e.Error);
            }

            var identity = new AppendIdentity(
                lane.Id, lane.Epoch, _versions.Find(topic), time.GetUtcNow().ToUnixTimeMilliseconds(), NextKeylessStart(), retry.LeftMs);
            var outcome = await RepeatAsync(topic, records, identity, retry);
            // If batches name producers of their own, the fence may be that of such a producer.
            var isFenced = named.IsNone && FencedIdentity.IsIn(outcome.Response);
            if (!isFenced && !HasOpenOutcome(outcome.Response))
                lanes.Return(lane);
            if (!isFenced)
                return outcome;
            if (!outcome.IsMemoryFree || !FencedIdentity.KeptAllOut(outcome.Response)
                || changes == AppendingLimits.ProducerLaneChangesMax || retry.LeftMs == 0)
            {
                return outcome with { Response = FencedIdentity.Told(outcome.Response) };
            }

            // Nothing is stored, and no call under way can store anything, so the request begins anew with another lane.
            RecordBatchHeader.ClearProducers(records.Batches.Span);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RecordsAppendOutcome> AppendUnderClientAsync(Caller caller, string topic, AppendRecords records, ClientIdentity client)
    {
        if (access.FindRefusal(caller, AccessOperations.Write, topic) is { } refusal)
            return RecordsAppendOutcome.Refused(client.IsResumed ? refusal with { OutcomeUnknown = true } : refusal);
        var retry = new AppendRetry(time, TopicLimits.AppendTimeout, random);
        var named = ProducersOf(records.Batches.Span);
        var judged = client.Identity.IsClients ? named.With(client.Identity.ProducerId) : named;
        if (await producers.CheckAsync(judged, TopicLimits.AppendTimeout) is { } unknown)
            return RecordsAppendOutcome.Refused(client.IsResumed ? unknown with { OutcomeUnknown = true } : unknown);
        var identity = client.Identity with
        {
            Topic = client.Identity.Topic ?? _versions.Find(topic), TimeoutMs = retry.LeftMs,
        };
        var outcome = await RepeatAsync(topic, records, identity, retry, client.IsResumed);
        return outcome with { IsFenced = judged.IsNone && FencedIdentity.KeptAllOut(outcome.Response) };
    }

    private ValueTask<RecordsAppendOutcome> RepeatAsync(
        string topic, AppendRecords records, AppendIdentity identity, AppendRetry retry, bool isResumed = false)
    {
        // Stamped before the first call, because during later tries an earlier call may still be reading the batches.
        RecordBatchHeader.StampProducers(records.Batches.Span, identity.ProducerId, identity.ProducerEpoch, identity.BaseSequence);
        return RepeatAsync(topic, records, new AppendTries(identity, isResumed), retry);
    }

    /// <summary>Sends a request until all of it is settled or its time is over.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RecordsAppendOutcome> RepeatAsync(string topic, AppendRecords records, AppendTries tries, AppendRetry retry)
    {
        while (true)
        {
            var request = records.With(tries.Next(retry.LeftMs));
            RecordsAppendResponse? response;
            try
            {
                // Not cancelled when the caller goes away: whether the records are stored must not depend on the moment.
                var call = routes.Local(topic) is { } here
                    ? here.AppendAsync(request, CancellationToken.None)
                    : routes.Router(topic).AppendAsync(request, CancellationToken.None);
                // The first call ends by itself: by a grain call's response timeout, or when its log has waited long enough for the store.
                response = request.Identity is { IsRepeat: true } identity
                    ? await call.AsTask().WaitAsync(TimeSpan.FromMilliseconds(identity.TimeoutMs), time)
                    : await call;
            }
            catch (Exception e) when (LostCalls.IsLost(e))
            {
                // The outcome of a lost call is open, and it may go on reading the batches.
                response = null;
            }

            if (response?.PartitionBy is { } current)
            {
                // Nothing is stored, and the next try needs no pause.
                _versions.Learn(current);
                tries.PartitionBy(current);
                if (retry.LeftMs > 0)
                    continue;
            }
            else if ((response is null ? tries.TakeLoss() : tries.Take(response)) && !IsForCaller(records, response)
                && retry.TryNext(out var pause))
            {
                await Task.Delay(pause, time);
                continue;
            }

            return new RecordsAppendOutcome(tries.Answer(), tries.IsMemoryFree);
        }
    }

    // A caller that named the leader, or the log of its earlier append, decides itself what it does when the partition has moved.
    private static bool IsForCaller(AppendRecords records, RecordsAppendResponse? response) =>
        records.Affinity is { IsRefused: true }
        || (records.RequiredLeader is not null && response is not null && response.Parts.Any(part =>
            part.Response.Error is { Code: StreamErrorCode.NotLeaderOrFollower }));

    private static NamedProducers ProducersOf(ReadOnlySpan<byte> batches)
    {
        var named = NamedProducers.None;
        for (; RecordBatchHeader.TryRead(batches, out var header); batches = batches[header.LengthBytes..])
        {
            // The log refuses control and transactional batches, whatever producer they name.
            if (header is { HasProducer: true, IsControl: false, IsTransactional: false })
                named = named.With(header.ProducerId);
        }

        return named;
    }

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
}

/// <summary>Records to append. <see cref="RecordsAppender"/> gives them an identity.</summary>
/// <param name="Batches">
/// Whole batches. Batches without a producer are stamped with the request's producer, so only the caller may use this memory. It stays in use while
/// <see cref="RecordsAppendOutcome.IsMemoryFree"/> is false.
/// </param>
/// <param name="Partition">As <see cref="RecordsAppendRequest"/> has it.</param>
/// <param name="RecordPartitions">For each record the partition that the caller chose, or -1; empty when it chose none.</param>
/// <param name="Acks">When the append is answered.</param>
/// <param name="ExpectedNextOffset">The next offset that the partition must have, else nothing is stored; null for no condition.</param>
public readonly record struct AppendRecords(
    Memory<byte> Batches, int? Partition, ReadOnlyMemory<int> RecordPartitions, Acks Acks, long? ExpectedNextOffset)
{
    /// <summary>True when each batch is stored as one batch or refused as a whole, as <see cref="RecordsAppendRequest"/> has it.</summary>
    public bool HasWholeBatches { get; init; }

    /// <summary>
    /// The silo that must lead the partition. If another one does, the append is refused with <see cref="StreamErrorCode.NotLeaderOrFollower"/>, and
    /// is not repeated. Null for whichever leads it.
    /// </summary>
    public SiloAddress? RequiredLeader { get; init; }

    /// <summary>The append's place, for a caller that begins appends one behind the other; null for a caller that waits for each.</summary>
    public AppendAffinity? Affinity { get; init; }

    /// <summary>The request for the router.</summary>
    /// <param name="identity">Its identity; null for none.</param>
    public RecordsAppendRequest With(AppendIdentity? identity) =>
        new(Batches, Partition, RecordPartitions, Acks, ExpectedNextOffset, identity)
        {
            HasWholeBatches = HasWholeBatches,
            RequiredLeader = RequiredLeader,
            Affinity = Affinity,
            MayBlock = Affinity is null, // such a caller waits, and so has nothing else to do
        };
}

/// <summary>The outcome of an append.</summary>
/// <param name="Response">The answer.</param>
/// <param name="IsMemoryFree">False when a call that was given up may still be reading the request's batches.</param>
public readonly record struct RecordsAppendOutcome(RecordsAppendResponse Response, bool IsMemoryFree)
{
    /// <summary>Nothing was appended.</summary>
    /// <param name="error">Why it failed or was refused.</param>
    public static RecordsAppendOutcome Refused(StreamError error) => new(new RecordsAppendResponse([], default, error), IsMemoryFree: true);

    /// <summary>
    /// True when nothing was stored, because partitions know a newer epoch of the identity that the service gave to a client's key.
    /// </summary>
    public bool IsFenced { get; init; }
}
