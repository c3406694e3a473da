using System.Collections.Immutable;
using System.Reflection;
using OrleansStream.Api.Producers;
using OrleansStream.Errors;
using OrleansStream.Partitions;
using OrleansStream.Tests.Cluster;
using OrleansStream.Tests.Topics;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Producers;

/// <summary>What a producer is told of a request that had to be repeated.</summary>
public sealed class RecordsAppenderTests
{
    private static readonly TopicMetadata Topic = new("t", Guid.NewGuid(), 1, ImmutableSortedDictionary<string, string>.Empty, 1, default);
    private static readonly ClientIdentity Client = new(new AppendIdentity(
        ProducerId: 7, ProducerEpoch: 0, Topic, NowMs: 0, KeylessStart: 0, TimeoutMs: 20_000));

    private readonly ScriptedRouter _router;
    private readonly RecordsAppender _appender;

    public RecordsAppenderTests()
    {
        ITopicRouterGrain router = DispatchProxy.Create<ITopicRouterGrain, ScriptedRouter>();
        _router = (ScriptedRouter)router;
        var grains = DispatchProxy.Create<IGrainFactory, OneGrain>();
        ((OneGrain)grains).Grain = router;
        _appender = new RecordsAppender(grains, new ProducerLanes(new ProducerIds(grains, TimeProvider.System)), TimeProvider.System);
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

        AppendOutcome outcome = await _appender.AppendAsync("t", Records(), Client);

        StreamError error = (isRefusedWhole ? outcome.Response.Error : Assert.Single(outcome.Response.Parts).Response.Error)!;
        Assert.Equal(refusal with { OutcomeUnknown = isFirstLost }, error);
        Assert.Equal(!isFirstLost, outcome.IsMemoryFree);
        Assert.Empty(_router.Calls);
    }

    [Fact]
    public async Task Append_WhenItsRepeatIsStored_SaysSo()
    {
        _router.Calls.Enqueue(_ => throw new SiloUnavailableException("gone"));
        _router.Calls.Enqueue(_ => new RecordsAppendResponse([new AppendPart(0, 1, new AppendResponse(null, 5, -1, 0))], default));

        AppendOutcome outcome = await _appender.AppendAsync("t", Records(), Client);

        Assert.Equal((5, null), (Assert.Single(outcome.Response.Parts).BaseOffset, outcome.Response.Parts[0].Response.Error));
        Assert.Empty(_router.Calls);
    }

    private static AppendRecords Records() => new(Batches.Of((null, "a")), Partition: 0, default, Acks.All, ExpectedNextOffset: null);
}

/// <summary>A router whose answers to appends are given beforehand.</summary>
public class ScriptedRouter : DispatchProxy
{
    /// <summary>The answers, in their order.</summary>
    internal Queue<Func<RecordsAppendRequest, RecordsAppendResponse>> Calls { get; } = new();

    /// <inheritdoc/>
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        targetMethod?.Name == nameof(ITopicRouterGrain.AppendAsync)
            ? new ValueTask<RecordsAppendResponse>(Calls.Dequeue()((RecordsAppendRequest)args![0]!))
            : throw new NotSupportedException(targetMethod?.Name);
}
