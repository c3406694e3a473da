using System.Collections.Immutable;
using System.Reflection;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansStream.Errors;
using OrleansStream.Partitions;
using OrleansStream.Records;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Topics;

/// <summary>What a router says of an append that it had to repeat.</summary>
public sealed class PartitionAppendsTests
{
    private static readonly AppendIdentity Identity = new(
        ProducerId: 7, ProducerEpoch: 0, Topic: null, NowMs: 0, KeylessStart: 0, TimeoutMs: 20_000);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Run_WhenARepeatIsRefused_SaysUnknownOnlyWhereAnEarlierCallMayHaveStoredIt(bool isFirstLost)
    {
        var (_, parts) = await RunAsync(
            new RecordsAppendRequest(default, Partition: 0, default, Acks.All, Identity: Identity),
            isFirstLost ? () => throw new TimeoutException() : () => Failed(StreamErrorCode.NotLeaderOrFollower),
            () => Failed(StreamErrorCode.InvalidRecord));

        var error = Assert.Single(parts).Response.Error!;
        Assert.Equal((StreamErrorCode.InvalidRecord, isFirstLost), (error.Code, error.OutcomeUnknown));
    }

    [Theory]
    [InlineData(Acks.All, false)]
    [InlineData(Acks.Leader, false)]
    [InlineData(Acks.None, true)]
    public async Task Run_WhenItIsAnsweredBeforeTheBatchesAreWritten_SaysThatTheyMayStillBeRead(Acks acks, bool mayBeRead)
    {
        var (appends, _) = await RunAsync(
            new RecordsAppendRequest(default, Partition: 0, default, acks), () => new AppendResponse(null, 0, -1, 0));
        Assert.Equal(mayBeRead, appends.HasStrays);
    }

    private static async Task<(PartitionAppends Appends, AppendPart[] Parts)> RunAsync(
        RecordsAppendRequest request, params Func<AppendResponse>[] answers)
    {
        var partition = DispatchProxy.Create<IPartitionGrain, ScriptedPartition>();
        var grains = DispatchProxy.Create<IGrainFactory, OneGrain>();
        ((OneGrain)grains).Grain = partition;
        var calls = ((ScriptedPartition)partition).Calls;
        Array.ForEach(answers, calls.Enqueue);
        var topic = new TopicMetadata("t", Guid.NewGuid(), 1, ImmutableSortedDictionary<string, string>.Empty, 1, default);
        using var plan = AppendPlan.AsIs(partition: 0, recordCount: 1, default(AppendBatches));
        var partitions = new PartitionCalls(new GrainLookup<IPartitionGrain>(grains), TimeProvider.System, NullLogger.Instance);
        var appends = new PartitionAppends(partitions, TimeProvider.System, topic, plan, request);
        var parts = await appends.RunAsync(TestContext.Current.CancellationToken);
        Assert.Empty(calls);
        return (appends, parts);
    }

    private static AppendResponse Failed(StreamErrorCode code) =>
        new(new StreamError(code, "refused"), BaseOffset: -1, LogAppendTimeMs: -1, LogStartOffset: -1);
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

/// <summary>Knows one grain, whatever is asked for.</summary>
public class OneGrain : DispatchProxy
{
    /// <summary>The grain.</summary>
    public object? Grain { get; set; }

    /// <inheritdoc/>
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => Grain;
}
