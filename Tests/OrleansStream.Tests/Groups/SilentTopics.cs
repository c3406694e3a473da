using System.Collections.Concurrent;
using OrleansStream.Errors;
using OrleansStream.Tests.EndToEnd;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Groups;

/// <summary>Topics that store nothing just now: appends to them are refused as while a partition moves.</summary>
internal sealed class SilentTopics : IIncomingGrainCallFilter
{
    private readonly ConcurrentDictionary<string, int> _asked = [];

    /// <summary>Their names.</summary>
    public ConcurrentDictionary<string, bool> Names { get; } = [];

    public async Task Invoke(IIncomingGrainCallContext context)
    {
        bool isAppend = context.Grain is ITopicRouterGrain && context.MethodName == nameof(ITopicRouterGrain.AppendAsync);
        if (isAppend && context.TargetContext.GrainId.Key.ToString() is { } name && Names.ContainsKey(name))
        {
            _asked.AddOrUpdate(name, 1, (_, count) => count + 1);
            throw new StreamException(new StreamError(StreamErrorCode.NotLeaderOrFollower, "The partition is moving."));
        }

        await context.Invoke();
    }

    /// <summary>Waits until a topic has been asked since the last such wait.</summary>
    public Task UntilAskedAsync(string name) => Wait.UntilAsync($"{name} is asked", () => _asked.TryRemove(name, out _));
}
