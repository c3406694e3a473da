using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using OrleansStream.Activations;
using OrleansStream.Errors;
using OrleansStream.Persistence;
using OrleansStream.Randomness;
using OrleansStream.Storage;

namespace OrleansStream.Topics;

/// <summary>The catalogue of all topics, and of deleted topics whose bytes are not freed yet.</summary>
/// <remarks>
/// Readers interleave with the only writer. They see only <c>_topics</c>, which is replaced after a state was written. The catalogue never calls a
/// topic grain, because topics call the catalogue.
/// </remarks>
[GrainType(TypeName)]
internal sealed partial class TopicCatalogGrain(
    [PersistentState(TopicCatalogGrain.StateName, DocumentGrainStorage.ProviderName)] IPersistentState<CatalogState> state,
    ISegmentStore segments, IDocumentStore documents, TimeProvider time, RandomSource random, RepeatedFailures failures,
    ILogger<TopicCatalogGrain> logger)
    : Grain, ITopicCatalogGrain, IDisposable
{
    /// <summary>The grain's type, part of the name of its state.</summary>
    public const string TypeName = "topic-catalog";

    /// <summary>The state's name.</summary>
    public const string StateName = "catalog";

    private readonly DetachedWork _freeing = new();
    private ImmutableSortedDictionary<string, TopicMetadata> _topics = CatalogState.NoTopics;
    private ImmutableArray<DeletedTopic> _deleted = [];
    private Dictionary<Guid, string> _namesById = [];

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        Take(state.State);
        this.RegisterGrainTimer(StartFreeingAsync, new GrainTimerCreationOptions
        {
            DueTime = TopicGrainLimits.DeletionPeriod,
            Period = TopicGrainLimits.DeletionPeriod,
            Interleave = true,
        });
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => _freeing.LeaveAsync();

    /// <inheritdoc/>
    public void Dispose() => _freeing.Dispose();

    /// <inheritdoc/>
    public async Task<TopicResponse> RegisterAsync(string name, CreateTopicRequest request)
    {
        if (_topics.TryGetValue(name, out var existing))
            return new TopicResponse(existing, Error: null);
        if (_topics.Count >= TopicLimits.TopicsMax)
        {
            return new TopicResponse(Topic: null, new StreamError(
                StreamErrorCode.PolicyViolation, $"There are {_topics.Count} topics, and there may be {TopicLimits.TopicsMax}."));
        }

        var topic = new TopicMetadata(
            name, random.NewId(), request.PartitionCount, request.Config, Version: 1, time.GetUtcNow());
        await WriteAsync(_topics.Add(name, topic), () => _deleted);
        return new TopicResponse(topic, Error: null, Created: true);
    }

    /// <inheritdoc/>
    public Task<TopicMetadata?> FindAsync(string name) => Task.FromResult(_topics.GetValueOrDefault(name));

    /// <inheritdoc/>
    public Task<ImmutableArray<string>> FilterAsync(ImmutableArray<string> names) =>
        Task.FromResult<ImmutableArray<string>>([.. names.Where(_topics.ContainsKey)]);

    /// <inheritdoc/>
    public Task<string?> FindNameAsync(Guid id) => Task.FromResult(_namesById.GetValueOrDefault(id));

    /// <inheritdoc/>
    public async Task RemoveAsync(string name, Guid id, int partitionCount)
    {
        if (_topics.TryGetValue(name, out var topic) && topic.Id == id)
            await WriteAsync(_topics.Remove(name), () => _deleted.Add(new DeletedTopic(name, id, partitionCount)));
    }

    /// <inheritdoc/>
    public Task<CatalogPage> ListAsync(string prefix, string? after, int limit)
    {
        var take = Math.Clamp(limit, 1, TopicLimits.CatalogPageMax);
        var page = ImmutableArray.CreateBuilder<CatalogEntry>();
        foreach (var (name, topic) in _topics)
        {
            if (!name.StartsWith(prefix, StringComparison.Ordinal) || string.CompareOrdinal(name, after) <= 0 && after is not null)
                continue;
            if (page.Count == take)
                return Task.FromResult(new CatalogPage(page.ToImmutable(), page[^1].Name));
            page.Add(new CatalogEntry(name, topic.Id, topic.CreatedAt));
        }

        return Task.FromResult(new CatalogPage(page.ToImmutable(), NextAfter: null));
    }

    // Freeing runs beside the grain's calls, because it waits for partitions, and opening partitions call the catalogue.
    private Task StartFreeingAsync(CancellationToken cancellationToken)
    {
        _freeing.Start(FreeDeletedAsync);
        return Task.CompletedTask;
    }

    /// <summary>Frees the bytes of deleted topics. A failure is tried again in the next period, by this or another activation.</summary>
    private async Task FreeDeletedAsync(CancellationToken cancellationToken)
    {
        var bytes = new DeletedTopicBytes(GrainFactory, segments, documents);
        foreach (var topic in _deleted)
        {
            var isFreed = topic.FreedAt is not null;
            if (isFreed && time.GetUtcNow() - topic.FreedAt < TopicGrainLimits.DeletionWatch)
                continue;
            try
            {
                // Only topics that are known to be deleted are freed. A topic id that the catalogue does not have may be from a lost catalogue.
                if (isFreed && !await bytes.AreLeftAsync(topic, cancellationToken))
                {
                    await this.AsReference<ITopicCatalogGrain>().SettleDeletionAsync(topic.Id, isLast: true);
                    continue;
                }

                await bytes.FreeAsync(topic, cancellationToken);
                await this.AsReference<ITopicCatalogGrain>().SettleDeletionAsync(topic.Id, isLast: false);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                if (failures.IsToTell($"free topic {topic.Id:N}", out var count))
                    LogNotFreed(e, topic.Name, topic.Id, count);
            }
        }
    }

    /// <inheritdoc/>
    public Task SettleDeletionAsync(Guid id, bool isLast)
    {
        if (_deleted.FirstOrDefault(topic => topic.Id == id) is not { } settled)
            return Task.CompletedTask;
        return WriteAsync(_topics, () => isLast || _deleted.Length > TopicGrainLimits.DeletionsWatchedMax
            ? _deleted.Remove(settled)
            : _deleted.Replace(settled, settled with { FreedAt = time.GetUtcNow() }));
    }

    private async Task WriteAsync(
        ImmutableSortedDictionary<string, TopicMetadata> topics, Func<ImmutableArray<DeletedTopic>> deleted)
    {
        var written = new CatalogState { Topics = topics, Deleted = deleted() };
        state.State = written;
        try
        {
            await state.WriteStateAsync();
        }
        catch (Exception e) when (StateFailure.CauseOf(e) is StoreUnavailableException or StoreFullException)
        {
            // The state may or may not be written, so the etag is unknown. The next activation reads the stored state.
            var cause = StateFailure.CauseOf(e);
            if (failures.IsToTell("write catalogue of topics", out var count))
                LogWriteFailed(cause, count);
            DeactivateOnIdle();
            throw new StreamException(new StreamError(
                StreamErrorCode.KafkaStorageError, $"The catalogue of topics could not be stored: {cause.Message}")
            {
                OutcomeUnknown = cause is StoreUnavailableException,
            });
        }

        Take(written);
    }

    private void Take(CatalogState catalog)
    {
        _topics = catalog.Topics;
        _deleted = catalog.Deleted;
        _namesById = _topics.Values.ToDictionary(topic => topic.Id, topic => topic.Name);
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The bytes of deleted topic {Topic} ({Id}) are not all freed yet; failures since this was last said: {Failures}")]
    private partial void LogNotFreed(Exception exception, string topic, Guid id, int failures);

    [LoggerMessage(Level = LogLevel.Error, Message = "The catalogue of topics could not be written; failures since this was last said: {Failures}")]
    private partial void LogWriteFailed(Exception exception, int failures);
}
