using OrleansStream.Errors;

namespace OrleansStream.Topics.Routing;

/// <summary>What a router knows of its topic, for a short time. Safe to call from any thread.</summary>
/// <remarks>An unknown topic is not remembered: it may be created the next moment, and must then be found.</remarks>
/// <param name="name">The topic's name.</param>
/// <param name="grains">Reaches the topic.</param>
/// <param name="time">Tells how old the copy of the topic is.</param>
internal sealed class TopicCache(string name, IGrainFactory grains, TimeProvider time)
{
    private readonly Lock _gate = new();
    private volatile TopicView? _topic;
    private Task<(TopicView? Topic, StreamError? Error)>? _asking;
    private long _askedAt;
    private long _readAt = long.MinValue;
    private volatile bool _isUnanswered;

    /// <summary>The topic, as it was at most <see cref="TopicGrainLimits.TopicCacheAge"/> ago; null when it was not asked for since.</summary>
    public TopicView? Fresh => _topic is { } topic && time.GetElapsedTime(topic.ReadAt) < TopicGrainLimits.TopicCacheAge ? topic : null;

    /// <summary>The topic, as it was at most <see cref="TopicGrainLimits.TopicCacheAge"/> ago.</summary>
    public ValueTask<(TopicView? Topic, StreamError? Error)> GetAsync() =>
        Fresh is { } topic
            ? ValueTask.FromResult<(TopicView?, StreamError?)>((topic, null))
            : new ValueTask<(TopicView?, StreamError?)>(AskAsync());

    /// <summary>The topic as it is now, unless somebody has already learnt that the known one is stale.</summary>
    /// <param name="known">What the caller knows, or null to ask in any case.</param>
    public Task<(TopicView? Topic, StreamError? Error)> RefreshAsync(TopicView? known) =>
        known is not null && _topic is { } topic && topic != known
            ? Task.FromResult<(TopicView?, StreamError?)>((topic, null))
            : AskAsync();

    // All who ask while one question is under way get its answer. But a question that has had no answer for as long as one try may take has perhaps
    // met a server that hangs: whoever comes then asks anew, and need not wait for the end of that try.
    private Task<(TopicView? Topic, StreamError? Error)> AskAsync()
    {
        lock (_gate)
        {
            if (_asking is not { IsCompleted: false } || time.GetElapsedTime(_askedAt) >= TopicGrainLimits.TopicAskMax)
            {
                _askedAt = time.GetTimestamp();
                _asking = Task.Run(ReadAsync);
            }

            return _asking;
        }
    }

    private async Task<(TopicView? Topic, StreamError? Error)> ReadAsync()
    {
        if (TopicName.Validate(name) is { } refusal)
            return (null, refusal);
        var startedAt = time.GetTimestamp();
        // Behind a question that had no answer each is one try, so that a request which asks several times still ends in time.
        var waitMax = _isUnanswered ? TopicGrainLimits.TopicAskMax : TopicGrainLimits.TopicOwnerWaitMax;
        while (true)
        {
            var readAt = time.GetTimestamp();
            try
            {
                return Take(await grains.GetGrain<ITopicGrain>(name).GetAsync().WaitAsync(NextTry(startedAt, waitMax), time), readAt);
            }
            catch (Exception e) when (LostCalls.IsLost(e))
            {
                // What the exception says is of the inside: addresses and stack traces.
                if (waitMax - time.GetElapsedTime(startedAt) <= TopicGrainLimits.RetryPause)
                {
                    _isUnanswered = true;
                    return (null, new StreamError(
                        StreamErrorCode.NotLeaderOrFollower, $"The owner of topic '{name}' did not answer; nothing was stored."));
                }
            }
            catch (StreamException e)
            {
                return (null, new StreamError(
                    StreamErrorCode.NotLeaderOrFollower, $"The owner of topic '{name}' did not answer; nothing was stored: {e.Message}"));
            }

            // Its silo has just gone, or hangs and will be declared dead, and another takes the topic over.
            await Task.Delay(TopicGrainLimits.RetryPause, time);
        }
    }

    /// <summary>How long the next try may take. No try goes on when the time of all is over.</summary>
    private TimeSpan NextTry(long startedAt, TimeSpan waitMax)
    {
        var left = waitMax - time.GetElapsedTime(startedAt);
        return left > TopicGrainLimits.TopicAskMax ? TopicGrainLimits.TopicAskMax : left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private (TopicView? Topic, StreamError? Error) Take(TopicResponse response, long readAt)
    {
        var topic = response.Topic is { } metadata ? new TopicView(metadata, TopicConfig.From(metadata.Config), readAt) : null;
        _isUnanswered = false;
        lock (_gate)
        {
            // Of two answers the one whose try began later counts.
            if (readAt >= _readAt)
                (_topic, _readAt) = (topic, readAt);
        }

        return (topic, response.Error);
    }
}
