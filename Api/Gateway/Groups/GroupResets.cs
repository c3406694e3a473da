using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Security;
using OrleansStream.Groups;
using OrleansStream.Security;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Gateway.Groups;

/// <summary>Resets a group's offsets to places that the logs know, such as their starts and ends.</summary>
/// <param name="access">Checks callers' rights.</param>
/// <param name="groups">The groups.</param>
/// <param name="grains">Gets the grains of groups and topics.</param>
/// <param name="known">The existing topics.</param>
public sealed class GroupResets(AccessControl access, ConsumerGroups groups, IGrainFactory grains, KnownTopics known)
{
    /// <summary>Resets the offsets of a group without members, all or none. If topics are named, it creates a group that does not exist.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="reset">The reset.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <returns>The offsets that were set, or would be set, by topic and partition.</returns>
    /// <exception cref="StreamException">
    /// The group or a topic does not exist, the bounds of a log could not be read, or the group has members.
    /// </exception>
    public Task<IReadOnlyList<OffsetChange>> ResetAsync(Caller caller, string group, OffsetReset reset, CancellationToken cancellationToken) =>
        access.ManageGroupAsync(caller, group, () => ResetAllowedAsync(caller, group, reset, cancellationToken));

    private async Task<IReadOnlyList<OffsetChange>> ResetAllowedAsync(Caller caller, string group, OffsetReset reset,
        CancellationToken cancellationToken)
    {
        foreach (var topic in reset.Topics ?? [])
            access.DemandTopic(caller, AccessOperations.Describe, topic, nameof(ResetAsync));
        var description = reset.Topics is null
            ? await groups.DescribeAsync(caller, group, cancellationToken)
            : await groups.FindAsync(caller, group, cancellationToken);
        Dictionary<(Guid, int), long> before = (description?.Offsets ?? [])
            .ToDictionary(offset => (offset.TopicId, offset.Partition), offset => offset.Offset);
        IEnumerable<string> topics = reset.Topics ?? [.. description!.Offsets.Select(offset => offset.Topic).Distinct(StringComparer.Ordinal)];
        var changes = new List<OffsetChange>();
        var offsets = ImmutableArray.CreateBuilder<PartitionOffset>();
        foreach (var topic in topics)
        {
            foreach ((var id, var change) in await ChangesOfAsync(caller, topic, reset, before, cancellationToken))
            {
                changes.Add(change);
                offsets.Add(new PartitionOffset(id, change.Partition, change.To));
            }
        }

        if (reset.IsDryRun)
            return changes;
        var error = await grains.GetGrain<IConsumerGroupGrain>(group).ResetAsync([.. topics], offsets.ToImmutable()).WaitAsync(cancellationToken);
        return error is null ? changes : throw new StreamException(error);
    }

    private async Task<List<(Guid TopicId, OffsetChange Change)>> ChangesOfAsync(
        Caller caller, string topic, OffsetReset reset, Dictionary<(Guid, int), long> before, CancellationToken cancellationToken)
    {
        await known.RequireAsync(caller, topic, cancellationToken);
        var router = grains.GetGrain<ITopicRouterGrain>(topic);
        var description = await router.DescribeAsync(cancellationToken);
        if (description.Topic is not { } metadata)
            throw new StreamException(description.Error!);
        var changes = new List<(Guid, OffsetChange)>();
        foreach (var partition in description.Partitions)
        {
            if (reset.Partitions?.Contains(partition.Partition) == false)
                continue;
            if (partition.Error is { } error)
                throw new StreamException(error);
            long? from = before.TryGetValue((metadata.Id, partition.Partition), out var offset) ? offset : null;
            var to = reset.To switch
            {
                OffsetTarget.Earliest => partition.LogStartOffset,
                OffsetTarget.Latest => partition.HighWatermark,
                OffsetTarget.Offset => reset.Amount,
                OffsetTarget.Shift => Shift(from ?? partition.LogStartOffset, reset.Amount),
                _ => await FindOffsetAsync(router, partition.Partition, reset.Amount, cancellationToken),
            };
            to = Math.Clamp(to, partition.LogStartOffset, partition.HighWatermark);
            changes.Add((metadata.Id, new OffsetChange(topic, partition.Partition, from, to)));
        }

        return changes;
    }

    private static long Shift(long offset, long by) =>
        by > 0 && offset > long.MaxValue - by ? long.MaxValue : offset + by;

    private static async Task<long> FindOffsetAsync(
        ITopicRouterGrain router, int partition, long timestampMs, CancellationToken cancellationToken)
    {
        var found = await router.FindOffsetAsync(partition, timestampMs, cancellationToken);
        return found.Error is { } error ? throw new StreamException(error) : found.Offset;
    }
}
