using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Partitions;
using OrleansStream.Security;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Gateway.Topics;

/// <summary>Creates, lists, reads, changes and deletes topics, and deletes records of them. Safe for any thread.</summary>
/// <remarks>What only reads is repeated when it is lost. All of it throws <see cref="StreamException"/> with what a topic refuses.</remarks>
/// <param name="access">Decides who may.</param>
/// <param name="grains">The way to the grains.</param>
/// <param name="routes">The way to the topics' partitions.</param>
/// <param name="lost">Repeats reads whose reply was lost.</param>
public sealed class TopicAdministration(AccessControl access, IGrainFactory grains, TopicRoutes routes, LostReads lost)
{
    /// <summary>Creates a topic, or finds it as it was asked for.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="name">The topic's name.</param>
    /// <param name="request">The topic's partitions and settings.</param>
    /// <param name="cancellationToken">Ends the wait for the answer.</param>
    /// <returns>The topic, and whether it is new.</returns>
    public async ValueTask<(TopicMetadata Topic, bool IsNew)> CreateAsync(
        Caller caller, string name, CreateTopicRequest request, CancellationToken cancellationToken) => await access.ManageTopicAsync(
        caller, name,
        async () =>
        {
            var response = await Topic(name).CreateAsync(request).WaitAsync(cancellationToken);
            return (TopicOf(response), response.Created);
        });

    /// <summary>The topic as it is now.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="name">The topic's name.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public async ValueTask<TopicMetadata> GetAsync(Caller caller, string name, CancellationToken cancellationToken)
    {
        access.DemandTopic(caller, AccessOperations.Describe, name);
        return TopicOf(
            await lost.RepeatAsync(() => new ValueTask<TopicResponse>(Topic(name).GetAsync().WaitAsync(cancellationToken)), cancellationToken));
    }

    /// <summary>Lists topics in ordinal order of their names.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="prefix">Only names that start with this; empty for all.</param>
    /// <param name="after">Only names behind this one; null from the start.</param>
    /// <param name="limit">The most topics.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public async ValueTask<CatalogPage> ListAsync(Caller caller, string prefix, string? after, int limit, CancellationToken cancellationToken)
    {
        var visible = access.VisibleTo(caller, ResourceKind.Topic);
        var found = ImmutableArray.CreateBuilder<CatalogEntry>();
        for (var from = after; ;)
        {
            var page = await lost.RepeatAsync(
                () => new ValueTask<CatalogPage>(
                    grains.GetGrain<ITopicCatalogGrain>(ITopicCatalogGrain.Key).ListAsync(prefix, from, limit).WaitAsync(cancellationToken)),
                cancellationToken);
            foreach (var topic in page.Topics)
            {
                if (!visible.Contains(topic.Name))
                    continue;
                if (found.Count == limit)
                    return new CatalogPage(found.ToImmutable(), found[^1].Name);
                found.Add(topic);
            }

            if (page.NextAfter is not { } next)
                return new CatalogPage(found.ToImmutable(), NextAfter: null);
            if (found.Count == limit)
                return new CatalogPage(found.ToImmutable(), found[^1].Name);
            from = next;
        }
    }

    /// <summary>Changes settings or adds partitions.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="name">The topic's name.</param>
    /// <param name="request">The change.</param>
    /// <param name="cancellationToken">Ends the wait for the answer.</param>
    /// <returns>The topic after it.</returns>
    public async ValueTask<TopicMetadata> AlterAsync(Caller caller, string name, AlterTopicRequest request, CancellationToken cancellationToken) =>
        await access.ManageTopicAsync(caller, name, async () => TopicOf(await Topic(name).AlterAsync(request).WaitAsync(cancellationToken)));

    /// <summary>Deletes a topic. From then on its name is free and its records cannot be read; its bytes are freed in the background.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="name">The topic's name.</param>
    /// <param name="cancellationToken">Ends the wait for the answer.</param>
    public async ValueTask DeleteAsync(Caller caller, string name, CancellationToken cancellationToken) => await access.ManageTopicAsync(
        caller, name,
        async () => await Topic(name).DeleteAsync().WaitAsync(cancellationToken) is { } error ? throw new StreamException(error) : true);

    /// <summary>Offsets, size and place of every partition.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="name">The topic's name.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>The topic and one entry per partition in order, each with its own error when it cannot be read.</returns>
    public async ValueTask<TopicDescription> DescribeAsync(Caller caller, string name, CancellationToken cancellationToken)
    {
        access.DemandTopic(caller, AccessOperations.Describe, name);
        return Known(await lost.RepeatAsync(() => routes.Router(name).DescribeAsync(cancellationToken), cancellationToken));
    }

    /// <summary>The traffic of every partition, and the topic's hottest keys.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="name">The topic's name.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public ValueTask<TopicLoad> DescribeLoadAsync(Caller caller, string name, CancellationToken cancellationToken)
    {
        // Keys are a part of the records, so seeing them needs the right to read.
        access.DemandTopic(caller, AccessOperations.Read, name);
        return lost.RepeatAsync(
            async () =>
            {
                var topic = Known(await routes.Router(name).DescribeAsync(cancellationToken));
                return new TopicLoad(topic, await grains.GetGrain<ITopicHotKeysGrain>(name).DescribeAsync().WaitAsync(cancellationToken));
            },
            cancellationToken);
    }

    /// <summary>Deletes the records of a partition below an offset.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="name">The topic's name.</param>
    /// <param name="topicId">The topic that must have the name; null for whichever has it.</param>
    /// <param name="partition">The partition's number.</param>
    /// <param name="beforeOffset">The first offset to keep; <see cref="FetchRequest.Latest"/> for the high watermark.</param>
    /// <param name="cancellationToken">Ends it; to repeat it is harmless.</param>
    /// <returns>The partition after it.</returns>
    public async ValueTask<PartitionDescription> DeleteRecordsAsync(
        Caller caller, string name, Guid? topicId, int partition, long beforeOffset, CancellationToken cancellationToken) =>
            await access.ManageTopicAsync(
        caller, name,
        async () =>
        {
            var after = topicId is { } id
                ? await routes.Router(name).DeleteRecordsOfAsync(id, partition, beforeOffset, cancellationToken)
                : await routes.Router(name).DeleteRecordsAsync(partition, beforeOffset, cancellationToken);
            return after.Error is { } error ? throw new StreamException(error) : after;
        });

    private ITopicGrain Topic(string name) => grains.GetGrain<ITopicGrain>(name);

    private static TopicDescription Known(TopicDescription topic) => topic.Error is { } error ? throw new StreamException(error) : topic;

    private static TopicMetadata TopicOf(TopicResponse response) => response switch
    {
        { Error: { } error } => throw new StreamException(error),
        { Topic: { } topic } => topic,
        _ => throw new InvalidOperationException("A topic's grain answered with neither topic nor error."),
    };
}

/// <summary>A topic's traffic.</summary>
/// <param name="Topic">The topic and the traffic of its partitions.</param>
/// <param name="HotKeys">Its hottest keys.</param>
public sealed record TopicLoad(TopicDescription Topic, HotKeysDescription HotKeys);
