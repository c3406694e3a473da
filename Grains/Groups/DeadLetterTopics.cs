using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups.State;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Groups;

/// <summary>Finds the topics that have a group's dead letters.</summary>
/// <remarks>
/// They are the topic that the policy names, and the topics that the group creates. The latter have those from before the policy named a topic, and
/// those that were too large for the named one.
/// </remarks>
/// <param name="group">The group's name.</param>
/// <param name="grains">Reaches the catalogue and the topics.</param>
internal sealed class DeadLetterTopics(string group, IGrainFactory grains)
{
    /// <summary>Finds the topics, each with the bounds of its log.</summary>
    /// <param name="named">The topic that the policy names, or null.</param>
    /// <param name="last">
    /// The last redrive, or null. Its topics stay in the list, also those that an earlier policy named: it holds the progress in each.
    /// </param>
    /// <exception cref="StreamException">The log of a topic cannot be read.</exception>
    public async Task<ImmutableArray<RedriveTopic>> FindAsync(string? named, Redrive? last)
    {
        IEnumerable<string> names = await FindCreatedAsync();
        if (named is not null)
            names = names.Prepend(named);
        if (last is not null)
            names = names.Concat(last.Topics.Select(topic => topic.Name));
        var found = ImmutableArray.CreateBuilder<RedriveTopic>();
        foreach (var name in names.Distinct(StringComparer.Ordinal).ToArray())
        {
            var description = await grains.GetGrain<ITopicRouterGrain>(name).DescribeAsync();
            if (description.Topic is not { } topic)
                continue;
            if (description.Partitions[0].Error is { } error)
                throw new StreamException(error);
            found.Add(new RedriveTopic(name, topic.Id, description.Partitions[0].LogStartOffset, description.Partitions[0].HighWatermark));
        }

        return found.ToImmutable();
    }

    private async Task<string[]> FindCreatedAsync()
    {
        var suffix = RetryTopics.DeadLettersOf("", group);
        var names = new List<string>();
        var catalog = grains.GetGrain<ITopicCatalogGrain>(ITopicCatalogGrain.Key);
        for (string? after = null; ;)
        {
            var page = await catalog.ListAsync("", after, TopicLimits.CatalogPageMax);
            names.AddRange(page.Topics.Select(topic => topic.Name).Where(name => name.EndsWith(suffix, StringComparison.Ordinal)));
            after = page.NextAfter;
            if (after is null)
                return [.. names];
        }
    }
}
