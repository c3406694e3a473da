using System.Collections.Immutable;
using System.Reflection;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Errors;
using OrleansStream.Gateway.Appending;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Partitions;
using OrleansStream.Producers;
using OrleansStream.Records;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Producers;

/// <summary>What a producer is told of a request that had to be repeated.</summary>
public sealed class RecordsAppenderTests
{
    private static readonly TopicMetadata Topic = new("t", Guid.NewGuid(), 1, ImmutableSortedDictionary<string, string>.Empty, 1, default);
    private static readonly ClientIdentity Client = new(new AppendIdentity(
        ProducerId: 7, ProducerEpoch: 0, Topic, NowMs: 0, KeylessStart: 0, TimeoutMs: 20_000));

    private readonly ScriptedRouter _router;
    private readonly ProducerIdCounter _laneIds = new(ProducerIdRanges.ServiceMin);
    private readonly RecordsAppender _appender;

    public RecordsAppenderTests()
    {
        var router = DispatchProxy.Create<ITopicRouterGrain, ScriptedRouter>();
        _router = (ScriptedRouter)router;
        _appender = Make(TimeProvider.System);
    }

    // The call that was lost may have stored them, or do so yet.
    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Append_WhenItIsRefused_SaysUnknownOnlyWhereACallWasLostBefore(bool isFirstLost, bool isRefusedWhole)
    {
        var refusal = new StreamError(StreamErrorCode.InvalidRecord, "refused");
        if (isFirstLost)
            _router.Calls.Enqueue(_ => throw new SiloUnavailableException("gone"));
        _router.Calls.Enqueue(request =>
        {
            Assert.Equal(isFirstLost, request.Identity!.IsRepeat);
            return isRefusedWhole
                ? new RecordsAppendResponse([], default, refusal)
                : new RecordsAppendResponse([new AppendPart(0, 1, new AppendResponse(refusal, -1, -1, -1))], default);
        });

        var outcome = await _appender.AppendAsync(Caller.Anonymous, "t", Records(), Client);

        var error = (isRefusedWhole ? outcome.Response.Error : Assert.Single(outcome.Response.Parts).Response.Error)!;
        Assert.Equal(refusal with { OutcomeUnknown = isFirstLost }, error);
        Assert.Equal(!isFirstLost, outcome.IsMemoryFree);
        Assert.Empty(_router.Calls);
    }

    // A request with a key is partitioned as it was remembered, also in its first try: that alone leaves nothing in doubt.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Append_UnderAKeyWithoutRoomForIt_IsRefusedAtOnceUnlessItIsResumed(bool isResumed)
    {
        var full = new StreamError(StreamErrorCode.ThrottlingQuotaExceeded, "full");
        _router.Calls.Enqueue(_ => new RecordsAppendResponse([], default, full));
        if (isResumed)
            _router.Calls.Enqueue(_ => Parts(Stored));

        var outcome = await _appender.AppendAsync(
            Caller.Anonymous, "t", Records(), new ClientIdentity(Client.Identity with { IsRepeat = true }, isResumed));

        Assert.Equal(isResumed ? null : full, outcome.Response.Error);
        Assert.Empty(_router.Calls);
    }

    [Fact]
    public async Task Append_WhenItsRepeatIsStored_SaysSo()
    {
        _router.Calls.Enqueue(_ => throw new SiloUnavailableException("gone"));
        _router.Calls.Enqueue(_ => new RecordsAppendResponse([new AppendPart(0, 1, new AppendResponse(null, 5, -1, 0))], default));

        var outcome = await _appender.AppendAsync(Caller.Anonymous, "t", Records(), Client);

        Assert.Equal((5, null), (Assert.Single(outcome.Response.Parts).BaseOffset, outcome.Response.Parts[0].Response.Error));
        Assert.Empty(_router.Calls);
    }

    [Fact]
    public async Task Append_WhenAPartitionIsMoving_IsSentAgainWithWhatIsSettled()
    {
        _router.Calls.Enqueue(request =>
        {
            Assert.Equal((false, null), (request.Identity!.IsRepeat, request.Identity.SettledParts));
            return Parts(Stored, Moving);
        });
        _router.Calls.Enqueue(request =>
        {
            Assert.True(request.Identity!.IsRepeat);
            Assert.Equal([true, false], request.Identity.SettledParts!.Value.Select(part => part is not null));
            Assert.InRange(request.Identity.TimeoutMs, 1, (int)TopicLimits.AppendTimeout.TotalMilliseconds - 1);
            return Parts(Stored, Stored);
        });

        var outcome = await _appender.AppendAsync(Caller.Anonymous, "t", Records(), Client);

        Assert.All(outcome.Response.Parts, part => Assert.Null(part.Response.Error));
        Assert.True(outcome.IsMemoryFree);
        Assert.Empty(_router.Calls);
    }

    [Fact]
    public async Task Append_WhileAPartitionIsMoving_IsSentAgainUntilItsTimeIsOverAndThenSaysThatItIsNotStored()
    {
        var time = new FakeTimeProvider();
        var answers = 0;
        _router.Otherwise = _ => Parts(++answers % 2 == 0 ? Moving : null, Moving);
        var appender = Make(time);

        var append = appender.AppendAsync(Caller.Anonymous, "t", Records(), Client).AsTask();
        while (!append.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(50));
            await Task.Yield();
        }

        var parts = (await append).Response.Parts;
        Assert.Equal([null, StreamErrorCode.NotLeaderOrFollower], parts.Select(part => part.Response.Error?.Code));
        Assert.False(parts[1].Response.Error!.OutcomeUnknown);
        // Often enough to find it soon, and no busy loop.
        Assert.InRange(answers, 20, 60);
    }

    // Without an identity nobody could tell a repeat of what is stored.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Append_WithoutAcknowledgement_IsSentAgainOnlyWhenNothingOfItIsStored(bool isPartStored)
    {
        _router.Calls.Enqueue(_ => isPartStored ? Parts(Stored, Moving) : Parts(Moving, Moving));
        if (!isPartStored)
            _router.Calls.Enqueue(_ => Parts(Stored, Stored));

        var outcome = await _appender.AppendAsync(Caller.Anonymous, "t", Records() with { Acks = Acks.None });

        Assert.Equal([null, isPartStored ? StreamErrorCode.NotLeaderOrFollower : null],
            outcome.Response.Parts.Select(part => part.Response.Error?.Code));
        Assert.Empty(_router.Calls);
    }

    [Fact]
    public async Task Append_WhenItsIdentityIsFenced_GoesOnUnderAnotherAndNeverUsesItAgain()
    {
        var identities = new List<(long Id, short Epoch)>();
        RecordsAppendResponse Answer(RecordsAppendRequest request, bool isFenced)
        {
            identities.Add((request.Identity!.ProducerId, request.Identity.ProducerEpoch));
            RecordBatchHeader.TryRead(request.Batches.Span, out var header);
            Assert.Equal(identities[^1], (header.ProducerId, header.ProducerEpoch));
            Assert.Equal(0, header.BaseSequence);
            return isFenced ? Parts(Fenced) : Parts(Stored);
        }

        for (var i = 0; i < AppendingLimits.ProducerLaneChangesMax; i++)
            _router.Calls.Enqueue(request => Answer(request, isFenced: true));
        _router.Calls.Enqueue(request => Answer(request, isFenced: false));
        _router.Calls.Enqueue(request => Answer(request, isFenced: false));

        for (var request = 0; request < 2; request++)
        {
            var outcome = await _appender.AppendAsync(Caller.Anonymous, "t", Records());
            Assert.Null(Assert.Single(outcome.Response.Parts).Response.Error);
            Assert.True(outcome.IsMemoryFree);
        }

        var first = ProducerIdRanges.ServiceMin;
        Assert.Equal([.. Enumerable.Range(0, AppendingLimits.ProducerLaneChangesMax + 1).Select(i => (first + i, (short)0)),
            (identities[^2].Id, (short)1)], identities);
    }

    [Fact]
    public async Task Append_WhenEveryIdentityIsFenced_SaysInTheEndThatItCanBeSentAgain()
    {
        for (var i = 0; i <= AppendingLimits.ProducerLaneChangesMax; i++)
            _router.Calls.Enqueue(_ => Parts(Fenced));

        var outcome = await _appender.AppendAsync(Caller.Anonymous, "t", Records());

        var error = Assert.Single(outcome.Response.Parts).Response.Error!;
        Assert.Equal((StreamErrorCode.NotLeaderOrFollower, false), (error.Code, error.OutcomeUnknown));
        Assert.Empty(_router.Calls);
    }

    // To begin anew could store twice what the lost call, the part that was let in, or the call that is still under way has stored or may store.
    [Theory]
    [InlineData("lost", StreamErrorCode.RequestTimedOut, true)]
    [InlineData("unknown", StreamErrorCode.RequestTimedOut, true)]
    [InlineData("strays", StreamErrorCode.NotLeaderOrFollower, false)]
    [InlineData("partly", StreamErrorCode.NotLeaderOrFollower, false)]
    public async Task Append_WhenItsIdentityIsFencedAndSomethingMayBeStored_DoesNotBeginAnewAndTellsThat(
        string how, StreamErrorCode code, bool isUnknown)
    {
        // The first request learns the topic: only then a lost call may have stored something.
        _router.Calls.Enqueue(_ => new RecordsAppendResponse([], default) { PartitionBy = Topic });
        _router.Calls.Enqueue(_ => Parts(Stored));
        await _appender.AppendAsync(Caller.Anonymous, "t", Records());
        if (how == "lost")
            _router.Calls.Enqueue(_ => throw new SiloUnavailableException("gone"));
        _router.Calls.Enqueue(_ => how switch
        {
            "unknown" => Parts(Fenced with { OutcomeUnknown = true }),
            "strays" => Parts(Fenced) with { HasStrays = true },
            "partly" => Parts(Stored, Fenced),
            _ => Parts(Fenced),
        });

        var outcome = await _appender.AppendAsync(Caller.Anonymous, "t", Records());

        var error = outcome.Response.Parts[^1].Response.Error!;
        Assert.Equal((code, isUnknown), (error.Code, error.OutcomeUnknown));
        Assert.Equal(how == "partly", outcome.Response.Parts[0].Response.Error is null);

        // The identity is not used again.
        _router.Calls.Enqueue(request =>
        {
            Assert.Equal(ProducerIdRanges.ServiceMin + 1, request.Identity!.ProducerId);
            return Parts(Stored);
        });
        await _appender.AppendAsync(Caller.Anonymous, "t", Records());
        Assert.Empty(_router.Calls);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(9, true)]
    [InlineData(10, false)]
    [InlineData(-1, false)]
    [InlineData(ProducerIdRanges.ServiceMin - ProducerIdRanges.ClientMin, false)]
    [InlineData(ProducerIdRanges.DerivedMin - ProducerIdRanges.ClientMin, false)]
    public async Task Append_OfBatchesThatNameAProducer_IsMadeOnlyWhenItWasGivenOutWhateverItsWay(long distance, bool isGivenOut)
    {
        var id = ProducerIdRanges.ClientMin + distance;
        var options = new RecordBatchOptions { ProducerId = id, ProducerEpoch = 5, BaseSequence = 0 };
        AppendRecords Named() => Records() with { Batches = (byte[])[.. Batches.Of((null, "a")), .. Batches.Of(options, (null, "b"))] };
        var header = new ClientIdentity(Client.Identity with { ProducerId = id, IsClients = true });
        Func<Task<RecordsAppendOutcome>>[] ways =
        [
            async () => await _appender.AppendAsync(Caller.Anonymous, "t", Named()),
            async () => await _appender.AppendAsync(Caller.Anonymous, "t", Named() with { Acks = Acks.None }),
            async () => await _appender.AppendAsync(Caller.Anonymous, "t", Named(), Client),
            async () => await _appender.AppendAsync(Caller.Anonymous, "t", Records(), header),
            async () => await _appender.AppendAsync(Caller.Anonymous, "t", Records() with { Acks = Acks.None }, header),
        ];
        foreach (var way in ways)
        {
            if (isGivenOut)
                _router.Calls.Enqueue(_ => Parts(Stored));
            var outcome = await way();
            Assert.Equal(isGivenOut ? null : StreamErrorCode.UnknownProducerId, outcome.Response.Error?.Code);
            Assert.Empty(_router.Calls);
        }
    }

    // Its own producer is the caller's to mend.
    [Fact]
    public async Task Append_WhenAProducerThatTheCallerNamesIsFenced_SaysSo()
    {
        var options = new RecordBatchOptions { ProducerId = ProducerIdRanges.ClientMin, ProducerEpoch = 5, BaseSequence = 0 };
        _router.Calls.Enqueue(_ => Parts(Fenced));
        var outcome = await _appender.AppendAsync(Caller.Anonymous, "t", Records() with { Batches = Batches.Of(options, (null, "b")) });
        Assert.Equal(StreamErrorCode.InvalidProducerEpoch, outcome.Response.Parts[0].Response.Error!.Code);
        Assert.Empty(_router.Calls);
    }

    private RecordsAppender Make(TimeProvider time) => new(
        AccessControl.Open, new TopicRoutes(Factory(_router)),
        new ClientProducerIds(Factory(new ProducerIdCounter(ProducerIdRanges.ClientMin + 10)), time),
        new ProducerLanes(Factory(_laneIds), time), time);

    private static StreamError? Stored => null;

    private static StreamError Moving => new(StreamErrorCode.NotLeaderOrFollower, "moving");

    private static StreamError Fenced => new(StreamErrorCode.InvalidProducerEpoch, "fenced");

    private static RecordsAppendResponse Parts(params StreamError?[] errors) => new(
        [.. errors.Select((error, partition) => new AppendPart(partition, 1, new AppendResponse(error, error is null ? 5 : -1, -1, 0)))], default);

    private static IGrainFactory Factory(object grain)
    {
        var grains = DispatchProxy.Create<IGrainFactory, OneGrain>();
        ((OneGrain)grains).Grain = grain;
        return grains;
    }

    private static AppendRecords Records() => new(Batches.Of((null, "a")), Partition: 0, default, Acks.All, ExpectedNextOffset: null);
}
