using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups.State;
using OrleansStream.Topics;

namespace OrleansStream.Groups;

/// <summary>Asks the topics' owners which topics exist.</summary>
/// <param name="grains">Reaches the owners.</param>
internal sealed class GroupTopics(IGrainFactory grains)
{
    /// <summary>Finds topics by name.</summary>
    /// <param name="names">The names of topics.</param>
    /// <param name="isKnown">Whether a topic with a name is known to exist.</param>
    /// <returns>Each name with its topic; null for a topic that does not exist.</returns>
    /// <exception cref="StreamException">An owner did not answer.</exception>
    public async Task<ImmutableArray<TopicLookup>> FindAsync(ImmutableArray<string> names, Func<string, bool> isKnown)
    {
        if (names.IsEmpty)
            return [];
        try
        {
            // A call to the grain of a topic that does not exist would activate that grain each time. So the catalogue, which has all names, is asked
            // first.
            ImmutableArray<string> unsure = [.. names.Where(name => !isKnown(name))];
            var known = unsure.IsEmpty
                ? [] : await grains.GetGrain<ITopicCatalogGrain>(ITopicCatalogGrain.Key).FilterAsync(unsure);
            var unknown = unsure.Except(known, StringComparer.Ordinal).ToHashSet(StringComparer.Ordinal);
            return [.. await Task.WhenAll(names.Select(async name => unknown.Contains(name)
                ? new TopicLookup(name, Topic: null)
                : ToLookup(name, await grains.GetGrain<ITopicGrain>(name).GetAsync())))];
        }
        catch (Exception e) when (LostCalls.IsLost(e))
        {
            throw new StreamException(new StreamError(StreamErrorCode.CoordinatorNotAvailable, $"The owner of a topic did not answer: {e.Message}"));
        }
    }

    private static TopicLookup ToLookup(string name, TopicResponse response) => response switch
    {
        { Topic: { } topic } => new TopicLookup(name, new GroupTopic(topic.Name, topic.Id, topic.PartitionCount)),
        { Error.Code: StreamErrorCode.UnknownTopicOrPartition } => new TopicLookup(name, Topic: null),
        { Error: { } error } => throw new StreamException(error),
        _ => throw new InvalidOperationException($"Topic '{name}' answered neither a topic nor an error."),
    };
}
