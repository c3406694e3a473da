using Microsoft.Extensions.Logging;
using OrleansStream.Activations;
using OrleansStream.Errors;
using OrleansStream.Persistence;
using OrleansStream.Storage;

namespace OrleansStream.Topics;

/// <summary>The owner of one topic. The topic exists by its catalogue entry; the grain's own state has the changes since its creation.</summary>
/// <remarks>
/// Not reentrant, except for <see cref="GetAsync"/>, which only reads <c>_topic</c>. That field is set after the state was written, so no answer is
/// ahead of the store. After a failed write the state's etag is unknown, and the activation ends. It also ends after a lost change of the catalogue:
/// the next one asks which topic there is.
/// </remarks>
[GrainType("topic")]
internal sealed partial class TopicGrain(
    [PersistentState("topic", DocumentGrainStorage.ProviderName)] IPersistentState<TopicState> state,
    ISegmentStore segments, TimeProvider time, RepeatedFailures failures, ILogger<TopicGrain> logger) : Grain, ITopicGrain
{
    private TopicMetadata? _topic;
    private EmptyActivation _empty = null!;

    private string Name => this.GetPrimaryKeyString();

    private TopicPartitions Partitions => new(GrainFactory, time, failures, logger);

    private ITopicCatalogGrain Catalog => GrainFactory.GetGrain<ITopicCatalogGrain>(ITopicCatalogGrain.Key);

    /// <inheritdoc/>
    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _empty = new EmptyActivation(this, time, () => _topic is null);
        // The catalogue decides, because a crash may have come between its write and this grain's, at creation or at deletion.
        if (TopicName.Validate(Name) is null)
            _topic = Newest(await Catalog.FindAsync(Name), state.State.Topic);
        _empty.Asked();
    }

    /// <inheritdoc/>
    public async Task<TopicResponse> CreateAsync(CreateTopicRequest request)
    {
        if ((TopicName.Validate(Name) ?? TopicRules.Check(request, segments.Limits.ReplicationFactor)) is { } refusal)
            return Refuse(refusal);

        var created = false;
        if (_topic is { } known && await IsRemovedAsync(known))
            _topic = null;
        if (_topic is null)
        {
            var registered = await RegisterAsync(request);
            if (registered.Topic is not { } topic)
                return registered;
            created = registered.Created;
            // The topic is in the catalogue, so it may exist although this write failed.
            if (await WriteAsync(topic) is { } failure)
                return Refuse(failure with { OutcomeUnknown = failure.OutcomeUnknown || created });
        }

        return TopicRules.Difference(_topic!, request) is { } difference
            ? Refuse(new StreamError(StreamErrorCode.TopicAlreadyExists, $"The topic '{Name}' exists and differs: {difference}."))
            : Answer(_topic!, created);
    }

    /// <inheritdoc/>
    public Task<TopicResponse> GetAsync() => Task.FromResult(_topic is null ? Refuse(Unknown()) : Answer(_topic, created: false));

    /// <inheritdoc/>
    public async Task<TopicResponse> AlterAsync(AlterTopicRequest request)
    {
        if (_topic is { } known && await IsRemovedAsync(known))
            _topic = null;
        if (_topic is null)
            return Refuse(Unknown());
        if (TopicRules.Check(request, _topic) is { } refusal)
            return Refuse(refusal);

        var altered = TopicRules.Apply(request, _topic, version: _topic.Version + 1);
        if (await WriteAsync(altered) is { } failure)
            return Refuse(failure);
        await Partitions.ConfigureAsync(altered);
        return Answer(altered, created: false);
    }

    /// <inheritdoc/>
    public async Task<StreamError?> DeleteAsync()
    {
        if (_topic is not { } topic)
            return Unknown();
        try
        {
            await Catalog.RemoveAsync(Name, topic.Id, topic.PartitionCount);
            _topic = null;
            await state.ClearStateAsync();
        }
        catch (Exception e) when (IsStoreFailure(e) || LostCalls.IsLost(e))
        {
            return Fail(e);
        }

        await Partitions.DeleteAsync(topic);
        _empty.Asked();
        return null;
    }

    private async Task<TopicResponse> RegisterAsync(CreateTopicRequest request)
    {
        try
        {
            return await Catalog.RegisterAsync(Name, request);
        }
        catch (Exception e) when (IsStoreFailure(e) || LostCalls.IsLost(e))
        {
            return Refuse(Fail(e));
        }
    }

    /// <summary>
    /// Whether the catalogue has removed the topic. A removal whose reply was lost may be done only after this activation had asked what there is.
    /// </summary>
    /// <returns>False also while the catalogue does not answer: what is known counts until then.</returns>
    private async Task<bool> IsRemovedAsync(TopicMetadata topic)
    {
        try
        {
            return (await Catalog.FindAsync(Name).WaitAsync(TopicGrainLimits.TopicAskMax, time))?.Id != topic.Id;
        }
        catch (Exception e) when (IsStoreFailure(e) || LostCalls.IsLost(e))
        {
            return false;
        }
    }

    private async Task<StreamError?> WriteAsync(TopicMetadata topic)
    {
        state.State = new TopicState { Topic = topic };
        try
        {
            await state.WriteStateAsync();
        }
        catch (Exception e) when (IsStoreFailure(e))
        {
            return Fail(e);
        }

        _topic = topic;
        return null;
    }

    private static TopicMetadata? Newest(TopicMetadata? registered, TopicMetadata? stored) =>
        stored is not null && registered?.Id == stored.Id ? stored : registered;

    private static bool IsStoreFailure(Exception e) =>
        e is StreamException || StateFailure.CauseOf(e) is StoreUnavailableException or StoreFullException;

    private TopicResponse Answer(TopicMetadata topic, bool created) =>
        new(topic with { ReplicationFactor = segments.Limits.ReplicationFactor }, Error: null, created);

    private static TopicResponse Refuse(StreamError error) => new(Topic: null, error);

    private StreamError Unknown()
    {
        _empty.Asked();
        return new StreamError(StreamErrorCode.UnknownTopicOrPartition, $"There is no topic '{Name}'.");
    }

    private StreamError Fail(Exception e)
    {
        var cause = StateFailure.CauseOf(e);
        if (failures.IsToTell($"write topic {Name}", out var count))
            LogWriteFailed(cause, Name, count);
        DeactivateOnIdle();
        return cause switch
        {
            StreamException refused => refused.Error,
            StoreUnavailableException or StoreFullException => new StreamError(
                StreamErrorCode.KafkaStorageError, $"The topic '{Name}' could not be stored: {cause.Message}")
            {
                OutcomeUnknown = cause is StoreUnavailableException,
            },
            // What other exceptions say is of the inside: addresses and stack traces.
            _ => new StreamError(
                StreamErrorCode.RequestTimedOut, $"The catalogue of topics did not answer; what was asked of topic '{Name}' may have been done.")
            {
                OutcomeUnknown = true,
            },
        };
    }

    [LoggerMessage(
        Level = LogLevel.Error, Message = "The state of topic {Topic} could not be written; failures since this was last said: {Failures}")]
    private partial void LogWriteFailed(Exception exception, string topic, int failures);
}

/// <summary>The stored state of a topic.</summary>
internal sealed record TopicState
{
    /// <summary>The current topic; null before the first write.</summary>
    public TopicMetadata? Topic { get; init; }
}
