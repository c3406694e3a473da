using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using OrleansStream.Errors;
using OrleansStream.Partitions;

namespace OrleansStream.Topics.Routing;

/// <summary>Keeps the order of this process's appends to a partition when some go to its grain and others straight to its log.</summary>
/// <remarks>
/// When a partition opens in this process, calls to its grain may still be under way. A new append then waits for them, and all appends behind it
/// wait, too. So two appends that one caller began one after the other reach the log in that order. Safe to call from any thread.
/// </remarks>
/// <param name="partitions">Reaches the partitions' grains.</param>
/// <param name="led">The partitions that this process leads.</param>
internal sealed class AppendOrder(GrainLookup<IPartitionGrain> partitions, OpenPartitionIndex led)
{
    private static readonly AppendResponse Elsewhere = PartitionConversions.Failed(
        new StreamError(StreamErrorCode.NotLeaderOrFollower, "The partition has just moved; nothing was stored."));

    private readonly ConcurrentDictionary<PartitionKey, CallsUnderWay> _callsUnderWay = new();

    /// <summary>Finds the log that an append may go to at once. The caller begins the append there before it does anything else.</summary>
    /// <param name="key">The partition.</param>
    /// <param name="request">What to append.</param>
    /// <returns>Null when appends are before it, or the log is not open in this process: then <see cref="AppendAsync"/> makes the append.</returns>
    public OpenPartition? FindOpen(PartitionKey key, AppendRequest request) =>
        FindHere(key, request) is { } here && request.Affinity?.Admits(here) != false && !_callsUnderWay.ContainsKey(key) ? here : null;

    /// <summary>Appends in its turn: to the log if it is open here, else by the partition's grain.</summary>
    /// <param name="key">The partition.</param>
    /// <param name="request">What to append.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    public ValueTask<AppendResponse> AppendAsync(PartitionKey key, AppendRequest request, CancellationToken cancellationToken)
    {
        var here = FindHere(key, request);
        if (request.Affinity is { } affinity && !affinity.Admits(here))
            return ValueTask.FromResult(Elsewhere);
        while (true)
        {
            var calls = _callsUnderWay.GetOrAdd(key, static _ => new CallsUnderWay());
            lock (calls)
            {
                if (calls.HaveEnded)
                    continue;
                if (calls.MustWait(isCall: here is null))
                    return WaitAsync(key, here, request, calls, cancellationToken);
                // Nothing is under way: the last call has ended since it was looked for.
                if (here is not null)
                    Forget(key, calls);
                else
                    calls.Count++;
            }

            return BeginAsync(key, here, request, calls, cancellationToken);
        }
    }

    // A partition that knows an older version of the topic catches up by its grain.
    private OpenPartition? FindHere(PartitionKey key, AppendRequest request) =>
        led.Find(key) is { } here && request.TopicVersion <= here.TopicVersion ? here : null;

    // A method of its own, because its caller would otherwise allocate the closure for every append.
    private ValueTask<AppendResponse> WaitAsync(
        PartitionKey key, OpenPartition? here, AppendRequest request, CallsUnderWay calls, CancellationToken cancellationToken) =>
        new(calls.Wait(here is null, () => BeginAsync(key, here, request, calls, cancellationToken)));

    private ValueTask<AppendResponse> BeginAsync(
        PartitionKey key, OpenPartition? here, AppendRequest request, CallsUnderWay calls, CancellationToken cancellationToken) => here is null
        ? CallAsync(key, request, calls, cancellationToken)
        : here.AppendAsync(request, cancellationToken);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<AppendResponse> CallAsync(
        PartitionKey key, AppendRequest request, CallsUnderWay calls, CancellationToken cancellationToken)
    {
        try
        {
            return await partitions.Get(key.ToString()).AppendAsync(request, cancellationToken);
        }
        finally
        {
            lock (calls)
            {
                calls.Count--;
                calls.GoOn();
                if (calls.Count == 0)
                    Forget(key, calls);
            }
        }
    }

    private void Forget(PartitionKey key, CallsUnderWay calls)
    {
        calls.HaveEnded = true;
        _callsUnderWay.TryRemove(KeyValuePair.Create(key, calls));
    }

    /// <summary>The calls to one partition's grain, and the appends that wait. Its lock guards it.</summary>
    private sealed class CallsUnderWay
    {
        private readonly Queue<Waiting> _waiting = [];

        /// <summary>The count of calls that are under way.</summary>
        public int Count { get; set; }

        /// <summary>True once it is forgotten: whoever still finds it looks again.</summary>
        public bool HaveEnded { get; set; }

        /// <summary>Whether an append has to wait: one for the log for all calls, one for the grain for those that wait before it.</summary>
        /// <param name="isCall">True for one that goes to the grain.</param>
        public bool MustWait(bool isCall) => isCall ? _waiting.Count > 0 : Count > 0;

        /// <summary>Begins an append once what is before it has its place in the log.</summary>
        /// <param name="isCall">True for one that goes to the grain.</param>
        /// <param name="begin">Begins it.</param>
        public Task<AppendResponse> Wait(bool isCall, Func<ValueTask<AppendResponse>> begin)
        {
            var done = new TaskCompletionSource<AppendResponse>(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue(new Waiting(isCall, begin, ExecutionContext.Capture(), done));
            return done.Task;
        }

        /// <summary>Begins what need not wait any more, in its order: each append has its place in the log before the next one is begun.</summary>
        public void GoOn()
        {
            while (_waiting.TryPeek(out var next) && (next.IsCall || Count == 0))
            {
                _waiting.Dequeue();
                if (next.IsCall)
                    Count++;
                FollowAsync(next.BeginAsItself(), next.Done).Ignore();
            }
        }

        private static async Task FollowAsync(ValueTask<AppendResponse> append, TaskCompletionSource<AppendResponse> done)
        {
            try
            {
                done.TrySetResult(await append);
            }
            catch (Exception e)
            {
                done.TrySetException(e);
            }
        }

        /// <summary>An append that waits.</summary>
        /// <param name="IsCall">True for one that goes to the grain.</param>
        /// <param name="Begin">Begins it.</param>
        /// <param name="Context">The context of its request. It is begun at the end of another one, to whose trace it does not belong.</param>
        /// <param name="Done">Takes its response.</param>
        private sealed record Waiting(
            bool IsCall, Func<ValueTask<AppendResponse>> Begin, ExecutionContext? Context, TaskCompletionSource<AppendResponse> Done)
        {
            public ValueTask<AppendResponse> BeginAsItself()
            {
                if (Context is null)
                    return Begin();
                ValueTask<AppendResponse> append = default;
                ExecutionContext.Run(Context, _ => append = Begin(), null);
                return append;
            }
        }
    }
}
