using OrleansStream.Log.Format;
using OrleansStream.Storage;

namespace OrleansStream.Tests.Simulation;

/// <summary>Judges what is in the stores themselves, at each change and at the end: what no client sees, and the next owner stands on.</summary>
internal sealed class WorldChecker
{
    private readonly SimulatedWorld _world;
    private readonly SimulationFindings _findings;
    private readonly string _manifestName;
    private readonly Dictionary<int, int> _fences = [];
    private PartitionManifest? _manifest;

    public WorldChecker(SimulatedWorld world, SimulationFindings findings, string log)
    {
        (_world, _findings, _manifestName) = (world, findings, log + "/manifest.json");
        world.Appended = CheckAppend;
        world.Written = CheckDocument;
    }

    /// <summary>Reads the log from the bytes alone, as a program would that has only the folder.</summary>
    public List<SimulatedBatch> ReadLog()
    {
        var log = new List<SimulatedBatch>();
        foreach (var segment in _manifest?.Segments ?? [])
        {
            var bytes = new byte[segment.IsSealed ? segment.Length : _world.ExtentOf(segment.Name)?.Length ?? 0];
            var read = _world.Exists(segment.Name) ? _world.Read(segment.Name, 0, bytes) : -1;
            if (read != bytes.Length || SimulatedBatch.DecodeAll(bytes) is not { } batches)
            {
                _findings.Report("roll", $"the segment at {segment.BaseOffset} is missing, short, or not whole batches");
                return log;
            }

            if (batches.Find(batch => !batch.IsFence) is { Count: > 0 } first && first.BaseOffset != segment.BaseOffset)
                _findings.Report("roll", $"the segment at {segment.BaseOffset} begins with {first.BaseOffset}");
            log.AddRange(batches.Where(batch => !batch.IsFence));
        }

        return log;
    }

    // Data of a lower epoch behind a fence would be an older owner's append that succeeded after it was replaced.
    private void CheckAppend(int segment, int position, ReadOnlyMemory<byte> bytes)
    {
        if (SimulatedBatch.DecodeAll(bytes.Span) is not { } batches)
        {
            _findings.Report("crash prefix", $"segment {segment} has bytes at {position} that are not whole batches");
            return;
        }

        var fence = _fences.GetValueOrDefault(segment);
        foreach (var batch in batches)
        {
            if (batch.IsFence)
                fence = Math.Max(fence, batch.LeaderEpoch);
            else if (batch.LeaderEpoch < fence)
                _findings.Report("fence", $"data of epoch {batch.LeaderEpoch} follows a fence of epoch {fence} in segment {segment}");
        }

        _fences[segment] = fence;
    }

    private void CheckDocument(string name, ReadOnlyMemory<byte> bytes)
    {
        if (name != _manifestName)
            return;
        PartitionManifest next;
        try
        {
            next = PartitionManifest.Parse(name, bytes.Span);
        }
        catch (CorruptDocumentException e)
        {
            _findings.Report("manifest", e.Message);
            return;
        }

        foreach (var segment in next.Segments)
        {
            if (!_world.Exists(segment.Name))
                _findings.Report("manifest", $"epoch {next.Epoch} names a segment at {segment.BaseOffset} that does not exist");
        }

        if (_manifest is { } last)
            CheckFollows(last, next);
        _manifest = next;
    }

    private void CheckFollows(PartitionManifest last, PartitionManifest next)
    {
        var isClaim = next.Epoch == last.Epoch + 1 && next.Owner != last.Owner;
        var isOwn = next.Epoch == last.Epoch && next.Owner == last.Owner && next.Revision == last.Revision + 1;
        if (!isClaim && !isOwn)
        {
            _findings.Report(
                "manifest", $"epoch {next.Epoch} ({next.Owner}, {next.Revision}) follows {last.Epoch} ({last.Owner}, {last.Revision})");
        }

        if (next.LogStartOffset < last.LogStartOffset)
            _findings.Report("log start", $"the manifest went back from {last.LogStartOffset} to {next.LogStartOffset}");
    }
}
