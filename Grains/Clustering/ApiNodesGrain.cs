using System.Collections.Immutable;
using Orleans.Concurrency;
using OrleansStream.Cluster;

namespace OrleansStream.Clustering;

/// <summary>Knows the Api nodes that announce themselves.</summary>
/// <param name="time">Times their silence. The nodes' own clocks have no part in it.</param>
[Reentrant, GrainType("api-nodes")]
internal sealed class ApiNodesGrain(TimeProvider time) : Grain, IApiNodesGrain
{
    private readonly Dictionary<Guid, (ApiNode Node, long HeardAt)> _nodes = [];
    private readonly long _begunAt = time.GetTimestamp();

    /// <inheritdoc/>
    public ValueTask AnnounceAsync(ApiNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        Forget();
        if (!_nodes.ContainsKey(node.Id))
        {
            if (_nodes.Count >= ApiNodeLimits.NodesMax)
                return ValueTask.CompletedTask;
            // A node that was killed and started again has its address, and a new id.
            foreach (var (id, _) in _nodes.Where(known => known.Value.Node.Address == node.Address && !Answers(known.Value.HeardAt)).ToList())
                _nodes.Remove(id);
        }

        if (node.Address.Length > ApiNodeLimits.AddressLengthMax)
            node = node with { Address = node.Address[..ApiNodeLimits.AddressLengthMax] };
        _nodes[node.Id] = (node, time.GetTimestamp());
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask LeaveAsync(Guid id)
    {
        _nodes.Remove(id);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<HeardApiNode>?> ListAsync()
    {
        if (time.GetElapsedTime(_begunAt) < ApiNodeLimits.GatherTime)
            return default;
        Forget();
        return ValueTask.FromResult<ImmutableArray<HeardApiNode>?>(
        [
            .. _nodes.Values.OrderBy(known => known.Node.Address, StringComparer.Ordinal).ThenBy(known => known.Node.Id)
                .Select(known => new HeardApiNode(known.Node, Answers(known.HeardAt))),
        ]);
    }

    private void Forget()
    {
        foreach (var (id, _) in _nodes.Where(known => time.GetElapsedTime(known.Value.HeardAt) > ApiNodeLimits.RememberedMax).ToList())
            _nodes.Remove(id);
    }

    private bool Answers(long heardAt) => time.GetElapsedTime(heardAt) <= ApiNodeLimits.SilenceMax;
}
