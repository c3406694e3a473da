using System.Collections.Immutable;
using System.Reflection;
using CsCheck;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Partitions;
using OrleansStream.Storage.Memory;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Topics;

/// <summary>Appends of one caller to a partition that opens in its process, moves away and comes back, while they are under way.</summary>
public sealed class AppendOrderTests
{
    private static readonly PartitionKey Key = new(Guid.NewGuid(), 0);

    /// <summary>What happens next.</summary>
    private enum Step
    {
        /// <summary>The caller begins another append, and waits for none.</summary>
        Append,

        /// <summary>A call to the grain reaches it.</summary>
        Arrive,

        /// <summary>The partition is found in this process from now on.</summary>
        Open,

        /// <summary>It is found no more.</summary>
        Leave,
    }

    [Fact]
    public async Task Append_WhenThePartitionIsFoundHereWhileCallsAreUnderWay_KeepsTheCallersOrder() =>
        await Gen.Enum<Step>().List[4, 40].SampleAsync(
            async steps => Assert.Equal(await AppendAllAsync(steps), steps.Count(step => step == Step.Append)), iter: 300);

    [Fact]
    public async Task Append_WhenItsTopicIsNewerThanThePartitionKnows_GoesByTheGrain()
    {
        await using var log = await OpenAsync();
        var led = new OpenPartitionIndex();
        led.Add(new OpenPartition(Key, Topic(version: 1), log, NullLogger.Instance));
        var (grain, order) = Make(led);

        var append = AppendAsync(order, Request(0) with { TopicVersion = 2 });

        Assert.Single(grain.Calls);
        grain.Arrive(log);
        Assert.Null((await append).Error);
    }

    // Else its spans would be in the other request's trace.
    [Fact]
    public async Task Append_ThatWaitsForOthers_IsBegunInItsOwnContext()
    {
        await using var log = await OpenAsync();
        var led = new OpenPartitionIndex();
        var here = new OpenPartition(Key, Topic(version: 1), log, NullLogger.Instance);
        var (grain, order) = Make(led);
        var first = AppendAsync(order, Request(0));
        led.Add(here);
        var second = AppendAsync(order, Request(1));
        led.Remove(here);
        HeldPartition.Request.Value = "third";
        var third = AppendAsync(order, Request(2));
        HeldPartition.Request.Value = null;

        grain.Arrive(log);

        await Wait.UntilAsync("the third is begun", () => grain.Calls.Count == 1);
        Assert.Equal("third", grain.LastRequest);
        grain.Arrive(log);
        await Task.WhenAll(first, second, third);
    }

    // As a router does.
    private static async Task<AppendResponse> AppendAsync(AppendOrder order, AppendRequest request) => order.FindOpen(Key, request) is { } here
        ? await here.AppendAsync(request, CancellationToken.None)
        : await order.AppendAsync(Key, request, CancellationToken.None);

    /// <returns>The count of appends, all of which lie in the log in the order in which they were begun.</returns>
    private static async Task<int> AppendAllAsync(List<Step> steps)
    {
        await using var log = await OpenAsync();
        var led = new OpenPartitionIndex();
        var here = new OpenPartition(Key, Topic(version: 1), log, NullLogger.Instance);
        var (grain, order) = Make(led);
        var appends = new List<Task<AppendResponse>>();
        foreach (var step in steps)
        {
            switch (step)
            {
                case Step.Append:
                    appends.Add(AppendAsync(order, Request(appends.Count)));
                    break;
                case Step.Arrive:
                    grain.Arrive(log);
                    break;
                case Step.Open:
                    led.Add(here);
                    break;
                default:
                    // Only once all that went straight to it has its place: a partition that leaves takes nothing more before.
                    led.Remove(here);
                    break;
            }
        }

        while (appends.Exists(append => !append.IsCompleted))
        {
            grain.Arrive(log);
            await Task.Yield();
        }

        var responses = await Task.WhenAll(appends);
        Assert.Equal(Enumerable.Range(0, appends.Count).Select(i => (long)i), responses.Select(response => response.BaseOffset));
        return responses.Length;
    }

    private static (HeldPartition Grain, AppendOrder Order) Make(OpenPartitionIndex led)
    {
        var partition = DispatchProxy.Create<IPartitionGrain, HeldPartition>();
        var grains = DispatchProxy.Create<IGrainFactory, OneGrain>();
        ((OneGrain)grains).Grain = partition;
        return ((HeldPartition)partition, new AppendOrder(new GrainLookup<IPartitionGrain>(grains), led));
    }

    private static AppendRequest Request(int number) =>
        new(Batches.Request(Batches.Of((null, $"{number}")), 0).Batches, Acks.All, TopicVersion: 1);

    private static TopicMetadata Topic(long version) => new("t", Key.TopicId, 1, ImmutableSortedDictionary<string, string>.Empty, version, default);

    private static async Task<PartitionLog> OpenAsync() => await PartitionLog.OpenAsync(
        Key.ToString(), "owner", new LogOptions(), new MemorySegmentStore(), new MemoryDocumentStore(), TimeProvider.System);

    /// <summary>A partition's grain whose calls wait until they are let in, one by one.</summary>
    public class HeldPartition : DispatchProxy
    {
        /// <summary>What a request takes along.</summary>
        internal static readonly AsyncLocal<string?> Request = new();

        internal Queue<(AppendRequest Request, TaskCompletionSource<AppendResponse> Answer)> Calls { get; } = new();

        /// <summary>The request in which it was called last.</summary>
        internal string? LastRequest { get; private set; }

        internal void Arrive(PartitionLog log)
        {
            if (Calls.TryDequeue(out var call))
                _ = AnswerAsync(log.AppendAsync(call.Request.Batches, LogAcks.Durable), call.Answer);
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            LastRequest = Request.Value;
            var answer = new TaskCompletionSource<AppendResponse>();
            Calls.Enqueue(((AppendRequest)args![0]!, answer));
            return new ValueTask<AppendResponse>(answer.Task);
        }

        private static async Task AnswerAsync(ValueTask<LogAppendResult> append, TaskCompletionSource<AppendResponse> answer) =>
            answer.SetResult(PartitionConversions.ToResponse(await append));
    }
}
