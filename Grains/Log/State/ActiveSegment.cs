using OrleansStream.Log.Format;

namespace OrleansStream.Log.State;

/// <summary>The segment that is written to. The log's gate guards its fields; only the write loop changes them.</summary>
internal sealed class ActiveSegment(
    ManifestSegment manifest, SegmentIndex index, long position, int appendCount, long maxTimestampMs)
{
    public ManifestSegment Manifest { get; } = manifest;

    public SegmentIndex Index { get; } = index;

    /// <summary>Its durable length in bytes, which is the position of the next append.</summary>
    public long Position { get; set; } = position;

    public int AppendCount { get; set; } = appendCount;

    public long MaxTimestampMs { get; set; } = maxTimestampMs;

    public string Name => Manifest.Name;

    public long BaseOffset => Manifest.BaseOffset;
}

/// <summary>A segment as a reader sees it: up to its durable length at one moment.</summary>
internal readonly record struct SegmentView(string Name, long BaseOffset, long Length);
