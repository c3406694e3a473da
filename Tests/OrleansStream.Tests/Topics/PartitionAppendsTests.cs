using System.Collections.Immutable;
using System.Reflection;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansStream.Errors;
using OrleansStream.Partitions;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

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
        var partition = DispatchProxy.Create<IPartitionGrain, ScriptedPartition>();
        var grains = DispatchProxy.Create<IGrainFactory, OneGrain>();
        ((OneGrain)grains).Grain = partition;
        var calls = ((ScriptedPartition)partition).Calls;
        calls.Enqueue(isFirstLost ? () => throw new TimeoutException() : () => Failed(StreamErrorCode.NotLeaderOrFollower));
        calls.Enqueue(() => Failed(StreamErrorCode.InvalidRecord));
        var topic = new TopicMetadata("t", Guid.NewGuid(), 1, ImmutableSortedDictionary<string, string>.Empty, 1, default);
        var request = new RecordsAppendRequest(default, Partition: 0, default, Acks.All, Identity: Identity);

        using var plan = AppendPlan.AsIs(partition: 0, recordCount: 1, default);
        var partitions = new PartitionCalls(new GrainLookup<IPartitionGrain>(grains), new LedPartitions(), TimeProvider.System, NullLogger.Instance);
        var parts = await new PartitionAppends(partitions, TimeProvider.System, topic, plan, request)
            .RunAsync(TestContext.Current.CancellationToken);

        var error = Assert.Single(parts).Response.Error!;
        Assert.Equal((StreamErrorCode.InvalidRecord, isFirstLost), (error.Code, error.OutcomeUnknown));
        Assert.Empty(calls);
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
