using System.Collections.Immutable;
using System.Reflection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansStream.Errors;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Partitions;
using OrleansStream.Storage.Memory;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Topics;

/// <summary>What a router says, and to whom, of a partition that gave no answer.</summary>
public sealed class PartitionCallsTests
{
    private static readonly PartitionKey Key = new(Guid.NewGuid(), 3);

    private readonly KeptLog _log = new();
    private readonly FailingPartition _partition;
    private readonly PartitionCalls _calls;
    private readonly TopicRouter _router;

    public PartitionCallsTests()
    {
        var partition = DispatchProxy.Create<IPartitionGrain, FailingPartition>();
        _partition = (FailingPartition)partition;
        var grains = DispatchProxy.Create<IGrainFactory, OneGrain>();
        ((OneGrain)grains).Grain = partition;
        var partitions = new PartitionAccess(new GrainLookup<IPartitionGrain>(grains), new OpenPartitionIndex(), TimeProvider.System, _log);
        _calls = partitions.Calls;
        _router = new TopicRouter("t", partitions, grains, TimeProvider.System);
    }

    // Whoever stops a service tells those who wait by their own token; an error in the answer would be told to their callers.
    [Fact]
    public async Task Fetch_FromALogThatIsOpenHere_WhenItsCallerGivesUp_Throws()
    {
        await using var log = await PartitionLog.OpenAsync(
            Key.ToString(), "owner", new LogOptions(), new MemorySegmentStore(), new MemoryDocumentStore(), TimeProvider.System);
        var topic = new TopicMetadata("t", Key.TopicId, 4, ImmutableSortedDictionary<string, string>.Empty, 1, default);
        var led = new OpenPartitionIndex();
        led.Add(new OpenPartition(Key, topic, log, NullLogger.Instance));
        var calls = new PartitionCalls(new GrainLookup<IPartitionGrain>(DispatchProxy.Create<IGrainFactory, OneGrain>()), led, TimeProvider.System,
            _log);
        using var givenUp = new CancellationTokenSource();

        var fetch = calls.FetchAsync(Key, new FetchRequest(FetchRequest.Latest, BytesMax: 1, WaitMs: 20_000), givenUp.Token).AsTask();
        Assert.False(fetch.IsCompleted);
        await givenUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fetch);
    }

    // Its message is of the inside: for the log, and not for the caller.
    [Theory]
    [InlineData(nameof(IPartitionGrain.AppendAsync), true)]
    [InlineData(nameof(IPartitionGrain.FetchAsync), false)]
    [InlineData(nameof(IPartitionGrain.FindOffsetAsync), false)]
    [InlineData(nameof(IPartitionGrain.DescribeAsync), false)]
    [InlineData(nameof(IPartitionGrain.DeleteRecordsAsync), true)]
    public async Task Call_WhenThePartitionFailsAsNobodyForesaw_IsLoggedOnceAndAnswered(string method, bool isWrite)
    {
        _partition.Failure = new InvalidOperationException("inside");

        var error = (await CallAsync(method))!;

        Assert.Equal((StreamErrorCode.UnknownServerError, isWrite), (error.Code, error.OutcomeUnknown));
        Assert.DoesNotContain("inside", error.Detail, StringComparison.Ordinal);
        var line = Assert.Single(_log.Lines);
        Assert.Equal((LogLevel.Error, _partition.Failure), (line.Level, line.Exception));
        Assert.Equal(1, _partition.CallCount);
    }

    [Theory]
    [InlineData(nameof(IPartitionGrain.AppendAsync), typeof(SiloUnavailableException), true, 1)]
    [InlineData(nameof(IPartitionGrain.FetchAsync), typeof(SiloUnavailableException), false, TopicGrainLimits.AttemptsMax)]
    [InlineData(nameof(IPartitionGrain.FetchAsync), typeof(TaskCanceledException), false, TopicGrainLimits.AttemptsMax)]
    [InlineData(nameof(IPartitionGrain.FetchAsync), typeof(TimeoutException), false, 1)]
    public async Task Call_WhenItsSiloIsGone_IsAnsweredAndNotLogged(string method, Type failure, bool isWrite, int callCount)
    {
        _partition.Failure = (Exception)Activator.CreateInstance(failure, "gone")!;

        var error = (await CallAsync(method))!;

        Assert.Equal((StreamErrorCode.RequestTimedOut, isWrite), (error.Code, error.OutcomeUnknown));
        Assert.Empty(_log.Lines);
        Assert.Equal(callCount, _partition.CallCount);
    }

    private async Task<StreamError?> AppendAsync(CancellationToken token)
    {
        var topic = new TopicMetadata("t", Key.TopicId, 4, ImmutableSortedDictionary<string, string>.Empty, 1, default);
        using var plan = PartitionedAppends.AsIs(Key.Partition, recordCount: 1, default);
        var parts = await _router.AppendPartsAsync(topic, plan, new RecordsAppendRequest(default, Key.Partition, default, Acks.All), token);
        return Assert.Single(parts).Response.Error;
    }

    private async Task<StreamError?> CallAsync(string method)
    {
        var token = TestContext.Current.CancellationToken;
        return method switch
        {
            nameof(IPartitionGrain.AppendAsync) => await AppendAsync(token),
            nameof(IPartitionGrain.FetchAsync) => (await _calls.FetchAsync(Key, new FetchRequest(0, 1, 0), token)).Error,
            nameof(IPartitionGrain.FindOffsetAsync) => (await _calls.FindOffsetAsync(Key, 0, token)).Error,
            nameof(IPartitionGrain.DescribeAsync) => (await _calls.DescribeAsync(Key)).Error,
            _ => (await _calls.DeleteRecordsAsync(Key, -1, token)).Error,
        };
    }
}

/// <summary>A partition that fails.</summary>
public class FailingPartition : DispatchProxy
{
    /// <summary>What it throws.</summary>
    public Exception? Failure { get; set; }

    /// <summary>The count of calls to it.</summary>
    public int CallCount { get; private set; }

    /// <inheritdoc/>
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        CallCount++;
        throw Failure!;
    }
}
