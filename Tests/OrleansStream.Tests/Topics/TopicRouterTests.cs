using System.Collections.Immutable;
using System.Reflection;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansStream.Errors;
using OrleansStream.Partitions;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Topics;

/// <summary>Which partitions a router calls for a request, and how often.</summary>
public sealed class TopicRouterTests
{
    private static readonly AppendIdentity Identity = new(
        ProducerId: 7, ProducerEpoch: 0, Topic: null, NowMs: 0, KeylessStart: 0, TimeoutMs: 20_000);

    // Whoever sent the request repeats it: nobody else does.
    [Theory]
    [InlineData(StreamErrorCode.NotLeaderOrFollower, false)]
    [InlineData(StreamErrorCode.RequestTimedOut, true)]
    [InlineData(StreamErrorCode.InvalidRecord, false)]
    public async Task Run_WhenAPartitionFails_CallsItOnceAndSaysWhatItSaid(StreamErrorCode code, bool isUnknown)
    {
        using var plan = PartitionedAppends.AsIs(partition: 0, recordCount: 1, default);
        var (appends, calls) = Make(plan, Identity, Failed(code, isUnknown));

        var error = Assert.Single(await appends()).Response.Error!;

        Assert.Equal((code, isUnknown), (error.Code, error.OutcomeUnknown));
        Assert.Empty(calls);
    }

    [Fact]
    public async Task Run_OfPartsThatAreSettled_CallsTheOthersOnly()
    {
        using var plan = PlanOf(0, 1, 2);
        StoredPart?[] settled = [new StoredPart(5, -1, null), null, new StoredPart(-1, -1, new StreamError(StreamErrorCode.InvalidRecord, "refused"))];
        var (appends, calls) = Make(plan, Identity with { IsRepeat = true, SettledParts = [.. settled] }, Stored(17));

        var parts = await appends();

        Assert.Equal([5, 17, -1], parts.Select(part => part.BaseOffset));
        Assert.Equal([null, null, StreamErrorCode.InvalidRecord], parts.Select(part => part.Response.Error?.Code));
        Assert.Empty(calls);
    }

    // Records behind a failed append must not overtake it.
    [Fact]
    public async Task Run_OfSeveralPartsOfAPartition_StopsAtTheFirstThatFails()
    {
        using var plan = PlanOf(0, 0, 0);
        Assert.Equal(3, plan.Parts.Count);
        var (appends, calls) = Make(plan, Identity, Stored(0), Failed(StreamErrorCode.RequestTimedOut, isUnknown: true), Stored(99));

        var parts = await appends();

        Assert.Equal([null, true, false], parts.Select(part => part.Response.Error?.OutcomeUnknown));
        Assert.Single(calls);
    }

    // The part is stored, so those behind it overtake nothing: a crash may have kept them from being stored.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Run_OfAPartWhoseOffsetIsNoLongerKnown_AppendsThoseBehindIt(bool isSettled)
    {
        using var plan = PlanOf(0, 0, 0);
        var duplicate = Failed(StreamErrorCode.DuplicateSequenceNumber, isUnknown: false);
        var identity = isSettled ? Identity with { IsRepeat = true, SettledParts = [new StoredPart(-1, -1, duplicate.Error), null, null] } : Identity;
        AppendResponse[] rest = [Stored(17), Stored(18)];
        var (appends, calls) = Make(plan, identity, isSettled ? rest : [duplicate, .. rest]);

        var parts = await appends();

        Assert.Equal([-1, 17, 18], parts.Select(part => part.BaseOffset));
        Assert.Equal([StreamErrorCode.DuplicateSequenceNumber, null, null], parts.Select(part => part.Response.Error?.Code));
        Assert.Empty(calls);
    }

    // Whoever repeats a request knows whether an earlier try may have stored it. Of one that is over, something is stored for certain.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Append_WithoutRoomForARepeat_LeavesTheOutcomeOpenOnlyWhereTheRequestIsOver(bool isOver)
    {
        var (grains, calls) = MakePartition();
        var partitions = MakeAccess(grains);
        for (var free = TopicGrainLimits.RewriteBytesMaxOfProcess; free > 100_000; free -= free / TopicGrainLimits.RewritePartOfFree)
            partitions.Rewrites.Take((int)(free / TopicGrainLimits.RewritePartOfFree));
        var config = ImmutableSortedDictionary<string, string>.Empty.Add("compression.type", "zstd");
        var topic = new TopicMetadata("t", Guid.NewGuid(), 1, config, 1, default);
        var identity = Identity with
        {
            IsRepeat = true, Topic = topic, NowMs = Batches.NowMs, StoredParts = isOver ? [new StoredPart(5, -1, null)] : null,
        };

        var response = await new TopicRouter("t", partitions, grains, TimeProvider.System).AppendAsync(
            Batches.Request(Batches.Of(("key", new string('x', 100_000))), partition: 0) with { Identity = identity },
            TestContext.Current.CancellationToken);

        Assert.Equal((StreamErrorCode.ThrottlingQuotaExceeded, isOver), (response.Error!.Code, response.Error.OutcomeUnknown));
        Assert.Empty(calls);
    }

    // A part without a certain answer keeps its bytes, but takes no room from other requests.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Append_OfRecordsThatAreWrittenAnew_TakesRoomUntilItIsAnswered(bool isUnknown)
    {
        var (grains, calls) = MakePartition();
        var partitions = MakeAccess(grains);
        var topic = new TopicMetadata("t", Guid.NewGuid(), 1, ImmutableSortedDictionary<string, string>.Empty.Add("compression.type", "zstd"), 1, default);
        var batches = Batches.Of(("key", new string('x', 100_000)));
        var taken = 0L;
        calls.Enqueue(() =>
        {
            taken = partitions.Rewrites.TakenBytes;
            return isUnknown ? Failed(StreamErrorCode.RequestTimedOut, isUnknown: true) : Stored(0);
        });

        var response = await new TopicRouter("t", partitions, grains, TimeProvider.System).AppendAsync(
            Batches.Request(batches, partition: 0) with { Identity = Identity with { IsRepeat = true, Topic = topic, NowMs = Batches.NowMs } },
            TestContext.Current.CancellationToken);

        Assert.Equal(isUnknown, response.HasStrays);
        Assert.Equal(batches.Length, taken);
        Assert.Equal(0, partitions.Rewrites.TakenBytes);
    }

    private static (Func<ValueTask<AppendPart[]>> Appends, Queue<Func<AppendResponse>> Calls) Make(
        PartitionedAppends plan, AppendIdentity identity, params AppendResponse[] responses)
    {
        var (grains, calls) = MakePartition();
        foreach (var response in responses)
            calls.Enqueue(() => response);
        var topic = new TopicMetadata("t", Guid.NewGuid(), 3, ImmutableSortedDictionary<string, string>.Empty, 1, default);
        var router = new TopicRouter("t", MakeAccess(grains), grains, TimeProvider.System);
        var request = new RecordsAppendRequest(default, Partition: null, default, Acks.All, Identity: identity);
        return (() => router.AppendPartsAsync(topic, plan, request, TestContext.Current.CancellationToken), calls);
    }

    private static (IGrainFactory Grains, Queue<Func<AppendResponse>> Calls) MakePartition()
    {
        var partition = DispatchProxy.Create<IPartitionGrain, ScriptedPartition>();
        var grains = DispatchProxy.Create<IGrainFactory, OneGrain>();
        ((OneGrain)grains).Grain = partition;
        return (grains, ((ScriptedPartition)partition).Calls);
    }

    private static PartitionAccess MakeAccess(IGrainFactory grains) =>
        new(new GrainLookup<IPartitionGrain>(grains), new OpenPartitionIndex(), TimeProvider.System, NullLogger.Instance);

    /// <summary>A plan of one append to each of these partitions, none of which has room for the next one's records.</summary>
    private static PartitionedAppends PlanOf(params int[] partitions)
    {
        var plan = PartitionedAppends.Split(partitions.Length, Identity);
        for (var record = 0; record < partitions.Length; record++)
        {
            var unit = plan.OpenUnit(partitions[record]);
            plan.Complete(unit, Batches.Of(("key", new string('x', TopicLimits.AppendBytesMax * 2 / 3))));
            plan.Assign(unit, record);
        }

        plan.Seal();
        return plan;
    }

    private static AppendResponse Stored(long baseOffset) => new(Error: null, baseOffset, LogAppendTimeMs: -1, LogStartOffset: 0);

    private static AppendResponse Failed(StreamErrorCode code, bool isUnknown) =>
        new(new StreamError(code, "refused") { OutcomeUnknown = isUnknown }, BaseOffset: -1, LogAppendTimeMs: -1, LogStartOffset: -1);
}

/// <summary>A partition whose answers to appends are given beforehand.</summary>
public class ScriptedPartition : DispatchProxy
{
    /// <summary>The answers, in their order.</summary>
    internal Queue<Func<AppendResponse>> Calls { get; } = new();

    /// <inheritdoc/>
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        targetMethod?.Name == nameof(IPartitionGrain.AppendAsync)
            ? new ValueTask<AppendResponse>(Calls.Dequeue()())
            : throw new NotSupportedException(targetMethod?.Name);
}
