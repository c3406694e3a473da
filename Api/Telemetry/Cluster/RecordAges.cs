using OrleansStream.Errors;
using OrleansStream.Gateway.Groups;
using OrleansStream.Gateway.Routing;
using OrleansStream.Instrumentation;
using OrleansStream.Partitions;

namespace OrleansStream.Telemetry.Cluster;

/// <summary>
/// The times of the records at which groups stand. A record is read once: while its group commits nothing, only the clock goes on. So a group that
/// nobody reads for any more costs one read in all.
/// </summary>
/// <remarks>Used by one snapshot at a time.</remarks>
/// <param name="routes">The way to the records.</param>
internal sealed class RecordAges(TopicRoutes routes)
{
    private const int ReadAtOnce = 8;

    private Dictionary<RecordPlace, long?> _known = [];

    /// <summary>Finds the times of records.</summary>
    /// <param name="wanted">The places of all records whose times are wanted now. What is not among them is forgotten.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>
    /// The times in milliseconds since the Unix epoch; null for a record that does not tell. A place that was not read yet is missing.
    /// </returns>
    public async Task<IReadOnlyDictionary<RecordPlace, long?>> FindAsync(IReadOnlySet<RecordPlace> wanted, CancellationToken cancellationToken)
    {
        var found = new Dictionary<RecordPlace, long?>(wanted.Count);
        var open = new List<RecordPlace>();
        foreach (var place in wanted)
        {
            if (_known.TryGetValue(place, out var timestampMs))
                found[place] = timestampMs;
            else if (open.Count < TelemetryLimits.AgesReadPerSnapshot)
                open.Add(place);
        }

        foreach (var some in open.Chunk(ReadAtOnce))
        {
            var read = await Task.WhenAll(some.Select(place => ReadAsync(place, cancellationToken)));
            foreach (var (place, isRead, timestampMs) in read)
            {
                if (isRead)
                    found[place] = timestampMs;
            }
        }

        _known = found;
        return found;
    }

    private async Task<(RecordPlace Place, bool IsRead, long? TimestampMs)> ReadAsync(RecordPlace place, CancellationToken cancellationToken)
    {
        try
        {
            var request = new FetchRequest(place.Offset, BytesMax: 1, WaitMs: 0) { TopicId = place.TopicId };
            var response = await routes.FetchAsync(place.Topic, place.Partition, request, cancellationToken);
            return (place, response.Error is null, GroupLag.TimestampAt(response.Batches.Span, place.Offset));
        }
        catch (Exception e) when (LostCalls.IsLost(e, cancellationToken))
        {
            return (place, false, null);
        }
    }
}

/// <summary>The place of a record.</summary>
/// <param name="Topic">The topic's name.</param>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Partition">The partition's number.</param>
/// <param name="Offset">The record's offset.</param>
internal readonly record struct RecordPlace(string Topic, Guid TopicId, int Partition, long Offset);
