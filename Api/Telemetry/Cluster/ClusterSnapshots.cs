using System.Collections.Concurrent;
using OrleansStream.Cluster;
using OrleansStream.Errors;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Groups;
using OrleansStream.Instrumentation;
using OrleansStream.Partitions;
using OrleansStream.Topics;

namespace OrleansStream.Telemetry.Cluster;

/// <summary>
/// Takes snapshots of the cluster: one call to each silo, and one to each of at most <see cref="TelemetryLimits.GroupsPerSnapshot"/> groups, in
/// turn. All who ask within <see cref="TelemetryLimits.SnapshotAgeMax"/> share a snapshot. Safe for any thread.
/// </summary>
/// <remarks>
/// The bounds of a partition that no silo leads any more are those that were seen last, because only a leader changes them. A partition that was
/// never seen is opened once, if a group has committed in it: without its end there would be no lag. All others appear when somebody uses them.
/// </remarks>
/// <param name="grains">The way to the silos and groups.</param>
/// <param name="routes">The way to the partitions.</param>
/// <param name="ages">Reads the times of records.</param>
/// <param name="time">Tells how old a snapshot is, and times the wait for each answer.</param>
internal sealed class ClusterSnapshots(IGrainFactory grains, TopicRoutes routes, RecordAges ages, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<PartitionKey, (long Start, long End)> _seen = [];
    private readonly ConcurrentDictionary<string, GroupMeasurement> _groups = new(StringComparer.Ordinal);
    private string _lastAsked = "";
    private Task<ClusterSnapshot>? _underWay;
    private ClusterSnapshot? _last;

    /// <summary>The age up to which a snapshot is shown again.</summary>
    internal TimeSpan AgeMax { get; set; } = TelemetryLimits.SnapshotAgeMax;

    /// <summary>The most groups that one snapshot asks.</summary>
    internal int GroupsMax { get; set; } = TelemetryLimits.GroupsPerSnapshot;

    /// <summary>The last snapshot, whatever its age; null before the first.</summary>
    public ClusterSnapshot? Last
    {
        get
        {
            lock (_gate)
                return _last;
        }
    }

    /// <summary>A snapshot that is not older than <see cref="TelemetryLimits.SnapshotAgeMax"/>.</summary>
    /// <param name="cancellationToken">Ends the wait, and not the snapshot.</param>
    /// <exception cref="StreamException">The cluster cannot be asked.</exception>
    public Task<ClusterSnapshot> GetAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_last is { } last && time.GetElapsedTime(last.TakenAt) < AgeMax)
                return Task.FromResult(last);
            if (_underWay is not { IsCompleted: false })
                _underWay = Task.Run(KeepNextAsync, CancellationToken.None);
            return _underWay.WaitAsync(cancellationToken);
        }
    }

    private async Task<ClusterSnapshot> KeepNextAsync()
    {
        try
        {
            var next = await TakeAsync(CancellationToken.None);
            lock (_gate)
                _last = next;
            return next;
        }
        catch (Exception e) when (LostCalls.IsLost(e))
        {
            throw new StreamException(new StreamError(StreamErrorCode.CoordinatorNotAvailable, "The cluster cannot be asked just now."));
        }
    }

    private async Task<ClusterSnapshot> TakeAsync(CancellationToken cancellationToken)
    {
        var hosts = await grains.GetGrain<IManagementGrain>(0).GetHosts(onlyActive: true, cancellationToken);
        SiloAddress[] silos = [.. hosts.Keys.Order()];
        var answers = await Task.WhenAll(silos.Select(MeasureAsync));
        var topics = await ListTopicsAsync();
        var groups = await MeasureGroupsAsync(await ListGroupsAsync());
        var led = new LedTable(silos, answers);
        Remember(led, topics);
        await OpenUnknownAsync(topics, groups, cancellationToken);
        var builder = new SnapshotBuilder(led, _seen, topics);
        var seconds = await ages.FindAsync(builder.WantedAges(groups), cancellationToken);
        return builder.Build(time.GetTimestamp(), groups, seconds, time.GetUtcNow().ToUnixTimeMilliseconds());
    }

    private async Task<SiloMeasurement?> MeasureAsync(SiloAddress silo)
    {
        try
        {
            return await grains.GetGrain<ISiloGrain>(silo.ToParsableString()).MeasureAsync().AsTask().WaitAsync(TelemetryLimits.AnswerMax, time);
        }
        catch (Exception e) when (LostCalls.IsLost(e) || e is StreamException)
        {
            // It has just gone, or is of an earlier version.
            return null;
        }
    }

    private async Task<Dictionary<string, Guid>> ListTopicsAsync()
    {
        var catalog = grains.GetGrain<ITopicCatalogGrain>(ITopicCatalogGrain.Key);
        var topics = new Dictionary<string, Guid>(StringComparer.Ordinal);
        for (string? after = null; ;)
        {
            var page = await catalog.ListAsync("", after, TopicLimits.CatalogPageMax);
            foreach (var topic in page.Topics.Where(topic => !topic.Name.StartsWith(AccessControl.ServicePrefix, StringComparison.Ordinal)))
                topics[topic.Name] = topic.Id;
            if ((after = page.NextAfter) is null)
                return topics;
        }
    }

    private async Task<List<string>> ListGroupsAsync()
    {
        var catalog = grains.GetGrain<IGroupCatalogGrain>(IGroupCatalogGrain.Key);
        var groups = new List<string>();
        for (string? after = null; ;)
        {
            var page = await catalog.ListAsync("", after, GroupLimits.CatalogPageMax);
            groups.AddRange(page.Groups.Select(group => group.Name));
            if ((after = page.NextAfter) is null)
                return groups;
        }
    }

    // Only one snapshot is taken at a time, so nobody else uses what the last one left.
    private async Task<IReadOnlyList<(string Name, GroupMeasurement Measured)>> MeasureGroupsAsync(List<string> names)
    {
        var known = names.ToHashSet(StringComparer.Ordinal);
        foreach (var gone in _groups.Keys.Where(name => !known.Contains(name)))
            _groups.TryRemove(gone, out _);
        // The names are in ordinal order: first those behind the last one that was asked, then those from the beginning.
        var next = names.FindIndex(name => string.CompareOrdinal(name, _lastAsked) > 0);
        string[] asked = [.. names.Skip(Math.Max(next, 0)).Concat(names.Take(Math.Max(next, 0))).Take(GroupsMax)];
        await Parallel.ForEachAsync(asked, new ParallelOptions { MaxDegreeOfParallelism = TelemetryLimits.GroupsAtOnce }, MeasureAsync);
        _lastAsked = asked.LastOrDefault("");
        return [.. _groups.OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => (group.Key, group.Value))];

        async ValueTask MeasureAsync(string name, CancellationToken cancellationToken)
        {
            try
            {
                if (await grains.GetGrain<IConsumerGroupGrain>(name).MeasureAsync().WaitAsync(TelemetryLimits.AnswerMax, time, cancellationToken)
                    is { } group)
                {
                    _groups[name] = group;
                    return;
                }
            }
            catch (Exception e) when (LostCalls.IsLost(e, cancellationToken) || e is StreamException)
            {
                // It is left out until it is asked again.
            }

            _groups.TryRemove(name, out _);
        }
    }

    // Nobody else uses the table either.
    private void Remember(LedTable led, Dictionary<string, Guid> topics)
    {
        var ids = topics.Values.ToHashSet();
        foreach (var gone in _seen.Keys.Where(key => !ids.Contains(key.TopicId)).ToArray())
            _seen.Remove(gone);
        foreach (var (key, bounds) in led.Bounds.Where(one => ids.Contains(one.Key.TopicId)))
            _seen[key] = bounds;
    }

    private async Task OpenUnknownAsync(
        Dictionary<string, Guid> topics, IReadOnlyList<(string Name, GroupMeasurement Measured)> groups, CancellationToken cancellationToken)
    {
        var unknown = groups.SelectMany(group => group.Measured.Offsets)
            .Where(offset => topics.TryGetValue(offset.Topic, out var id) && id == offset.TopicId
                && !_seen.ContainsKey(new PartitionKey(offset.TopicId, offset.Partition)))
            .Select(offset => (offset.Topic, offset.TopicId, offset.Partition)).Distinct().Take(TelemetryLimits.OpenedPerSnapshot);
        foreach (var some in unknown.Chunk(8).ToArray())
        {
            var read = await Task.WhenAll(some.Select(async one =>
            {
                try
                {
                    var request = new FetchRequest(FetchRequest.Latest, BytesMax: 1, WaitMs: 0) { TopicId = one.TopicId };
                    return (one, Response: await routes.FetchAsync(one.Topic, one.Partition, request, cancellationToken));
                }
                catch (Exception e) when (LostCalls.IsLost(e, cancellationToken))
                {
                    return (one, Response: (FetchResponse?)null);
                }
            }));
            foreach (var (one, response) in read)
            {
                if (response is { Error: null } found)
                    _seen[new PartitionKey(one.TopicId, one.Partition)] = (found.LogStartOffset, found.HighWatermark);
            }
        }
    }
}
