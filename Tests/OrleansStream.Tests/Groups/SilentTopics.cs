using System.Collections.Concurrent;
using OrleansStream.Errors;
using OrleansStream.Partitions;
using OrleansStream.Tests.Support;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Groups;

/// <summary>Topics that store nothing just now: appends to them are refused as while a partition moves. Or of which a part is damaged.</summary>
internal sealed class SilentTopics : IIncomingGrainCallFilter
{
    private readonly ConcurrentDictionary<string, int> _asked = [];

    /// <summary>Their names.</summary>
    public ConcurrentDictionary<string, bool> Names { get; } = [];

    /// <summary>The topics that cannot be read from an offset up to another one, by name.</summary>
    public ConcurrentDictionary<string, (long Offset, long EndOffset)> Damaged { get; } = [];

    public async Task Invoke(IIncomingGrainCallContext context)
    {
        if (context.Grain is ITopicRouterGrain && context.MethodName == nameof(ITopicRouterGrain.FetchAsync)
            && Damaged.TryGetValue(context.TargetContext.GrainId.Key.ToString()!, out var damage)
                && context.Request.GetArgument(1) is FetchRequest request)
        {
            if (request.Offset >= damage.Offset && request.Offset < damage.EndOffset)
            {
                var error = new StreamError(StreamErrorCode.PartitionOffline, "A batch fails its check.") { Damage = new StoredDamage("", 0, request.Offset, "", 0) };
                context.Result = new FetchResponse(error, request.Offset, default, HighWatermark: -1, LogStartOffset: -1);
                return;
            }

            // One batch: an answer ends before what is damaged.
            context.Request.SetArgument(1, request with { BytesMax = 1 });
        }

        var isAppend = context.Grain is ITopicRouterGrain && context.MethodName == nameof(ITopicRouterGrain.AppendAsync);
        if (isAppend && context.TargetContext.GrainId.Key.ToString() is { } name && Names.ContainsKey(name))
        {
            _asked.AddOrUpdate(name, 1, (_, count) => count + 1);
            throw new StreamException(new StreamError(StreamErrorCode.NotLeaderOrFollower, "The partition is moving."));
        }

        await context.Invoke();
    }

    /// <summary>True when a topic has been asked since the last time that this was true.</summary>
    public bool WasAsked(string name) => _asked.TryRemove(name, out _);

    /// <summary>Waits until a topic has been asked since the last such wait.</summary>
    public Task UntilAskedAsync(string name) => Wait.UntilAsync($"{name} is asked", () => WasAsked(name));
}
