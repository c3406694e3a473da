using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Security;
using OrleansStream.Security;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Topics;

/// <summary>Describes many topics in one call. It activates no grain for a name without a topic. Safe for any thread.</summary>
/// <param name="access">Decides who may.</param>
/// <param name="grains">The way to the grains.</param>
/// <param name="administration">Describes one topic.</param>
/// <param name="lost">Repeats reads whose reply was lost.</param>
public sealed class TopicDirectory(AccessControl access, IGrainFactory grains, TopicAdministration administration, LostReads lost)
{
    private ITopicCatalogGrain Catalog => grains.GetGrain<ITopicCatalogGrain>(ITopicCatalogGrain.Key);

    /// <summary>Finds topics.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="references">Their names or ids.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>One result for each, in order.</returns>
    /// <exception cref="StreamException">The caller may see no topic at all.</exception>
    /// <exception cref="OrleansException">The catalogue could not be asked.</exception>
    public async Task<IReadOnlyList<FoundTopic>> FindAsync(
        Caller caller, IReadOnlyList<TopicReference> references, CancellationToken cancellationToken)
    {
        // A caller that may see no topic at all gets one refusal, and not one for each name.
        access.VisibleTo(caller, ResourceKind.Topic);
        var found = new FoundTopic[references.Count];
        var names = await FindNamesAsync(caller, references, cancellationToken);
        await ForEachAsync(found.Length, async i => found[i] = names[i] is { } name
            ? await FindAsync(caller, name, references[i], cancellationToken)
            : new FoundTopic(null, ErrorOf(caller, references[i])));
        return found;
    }

    /// <summary>Finds a topic by its name.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="name">The name; whatever the caller wrote.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamException">The caller may see no topic at all.</exception>
    /// <exception cref="OrleansException">The catalogue could not be asked.</exception>
    public async Task<FoundTopic> FindAsync(Caller caller, string name, CancellationToken cancellationToken) =>
        (await FindAsync(caller, [new TopicReference(name, Guid.Empty)], cancellationToken))[0];

    /// <summary>Lists all topics that the caller may see, in ordinal order of their names.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamException">They could not be listed.</exception>
    /// <exception cref="OrleansException">The catalogue could not be asked.</exception>
    public async Task<IReadOnlyList<TopicMetadata>> ListAsync(Caller caller, CancellationToken cancellationToken)
    {
        var names = new List<string>();
        string? after = null;
        do
        {
            var page = await administration.ListAsync(caller, "", after, TopicLimits.CatalogPageMax, cancellationToken);
            names.AddRange(page.Topics.Select(topic => topic.Name));
            after = page.NextAfter;
        }
        while (after is not null);

        var topics = new TopicMetadata?[names.Count];
        await ForEachAsync(
            topics.Length, async i =>
                topics[i] = (await FindAsync(caller, names[i], new TopicReference(names[i], Guid.Empty), cancellationToken)).Topic);
        return [.. topics.OfType<TopicMetadata>()];
    }

    /// <returns>For each reference the name of an existing topic; null when there is none.</returns>
    private async Task<string?[]> FindNamesAsync(Caller caller, IReadOnlyList<TopicReference> references, CancellationToken cancellationToken)
    {
        ImmutableArray<string> asked = [.. references.Select(reference => reference.Name).OfType<string>()
            .Where(name => RefusalOf(caller, name) is null).Distinct(StringComparer.Ordinal)];
        var there = asked.IsEmpty ? [] : (await lost.RepeatAsync(
            () => new ValueTask<ImmutableArray<string>>(Catalog.FilterAsync(asked).WaitAsync(cancellationToken)), cancellationToken))
            .ToHashSet(StringComparer.Ordinal);
        var names = new string?[references.Count];
        await ForEachAsync(names.Length, async i => names[i] = references[i].Name is { } name
            ? there.Contains(name) ? name : null
            : await lost.RepeatAsync(
                () => new ValueTask<string?>(Catalog.FindNameAsync(references[i].Id).WaitAsync(cancellationToken)), cancellationToken));
        return names;
    }

    private async Task<FoundTopic> FindAsync(Caller caller, string name, TopicReference reference, CancellationToken cancellationToken)
    {
        try
        {
            var topic = await administration.GetAsync(caller, name, cancellationToken);
            // The name that was found by an id may belong to another topic by now.
            return reference.Name is not null || topic.Id == reference.Id ? new FoundTopic(topic, null) : new FoundTopic(null, Unknown(reference));
        }
        catch (StreamException exception) when (exception.Error.Code == StreamErrorCode.TopicAuthorizationFailed && reference.Name is null)
        {
            // A caller that may not see the topic is not told that its id exists.
            return new FoundTopic(null, Unknown(reference));
        }
        catch (StreamException exception)
        {
            return new FoundTopic(null, exception.Error);
        }
    }

    private StreamError ErrorOf(Caller caller, TopicReference reference) =>
        (reference.Name is { } name ? RefusalOf(caller, name) : null) ?? Unknown(reference);

    private StreamError? RefusalOf(Caller caller, string name) => access.FindRefusal(caller, AccessOperations.Describe, name);

    private static StreamError Unknown(TopicReference reference) => reference.Name is { } name
        ? TopicName.Validate(name) ?? new StreamError(StreamErrorCode.UnknownTopicOrPartition, $"There is no topic '{name}'.")
        : new StreamError(StreamErrorCode.UnknownTopicId, $"There is no topic with the id {reference.Id}.");

    private static Task ForEachAsync(int count, Func<int, Task> act) => Parallel.ForEachAsync(
        Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = TopicDirectoryLimits.CallsAtOnce }, async (i, _) => await act(i));
}

/// <summary>A topic that is asked for.</summary>
/// <param name="Name">Its name; null to ask for it by its id.</param>
/// <param name="Id">Its id, where it has no name.</param>
public readonly record struct TopicReference(string? Name, Guid Id);

/// <summary>What was found of a topic: exactly one of the two is set.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Error">Why there is none.</param>
public readonly record struct FoundTopic(TopicMetadata? Topic, StreamError? Error);
