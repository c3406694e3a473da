using System.Globalization;
using OrleansStream.Storage;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Simulation;

/// <summary>How a crash leaves what a process was just writing.</summary>
internal enum CrashKind
{
    /// <summary>The process died; what it handed to the kernel is all there.</summary>
    Process,

    /// <summary>The machine died; only what was synced is certain.</summary>
    Machine,
}

/// <summary>
/// The one durable world that all processes of a round share: what the stores hold when nobody looks. Operations here are
/// instantaneous and always right; whether and when they happen, and who learns of it, is for the clients' views to decide.
/// </summary>
internal sealed class SimulatedWorld(
    SimulatedTime time, SimulatedRandom random, SegmentStoreLimits limits, SimulationFindings findings)
{
    private const int SectorBytes = 64;
    private const int PreallocatedBytesMax = 200;

    // More than recovery reads at first, so that what is cut lies behind what it has read.
    private const int PreallocatedBytesFar = 100_000;
    private readonly SortedDictionary<string, SimulatedSegment> _segments = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, Document> _documents = new(StringComparer.Ordinal);
    private int _segmentsCreated;
    private long _etags;

    public SegmentStoreLimits Limits => limits;

    public SimulationFindings Findings => findings;

    /// <summary>Sees every append that took effect: the segment's ordinal, where, and the bytes.</summary>
    public Action<int, int, ReadOnlyMemory<byte>>? Appended { get; set; }

    /// <summary>Sees every version of a document that took effect.</summary>
    public Action<string, ReadOnlyMemory<byte>>? Written { get; set; }

    /// <summary>True when some segment of the name exists.</summary>
    public bool Exists(string name) => _segments.ContainsKey(name);

    /// <summary>A number for a segment that is the same in each run of a seed, as its name with its random part is not; -1 for none.</summary>
    public int OrdinalOf(string name) => _segments.TryGetValue(name, out var segment) ? segment.Ordinal : -1;

    public bool Create(string name) => _segments.TryAdd(name, new SimulatedSegment(_segmentsCreated++, time.GetUtcNow()));

    /// <summary>Appends at a position, or anywhere when it is null.</summary>
    public AppendOutcome Append(string name, long? expectedPosition, ReadOnlyMemory<byte> bytes)
    {
        if (Refuse(name, expectedPosition) is { } refusal)
            return refusal;
        var segment = _segments[name];
        var position = segment.Length;
        segment.Append(bytes.Span);
        segment.Durable = segment.Length;
        segment.AppendCount++;
        segment.Modified = time.GetUtcNow();
        Appended?.Invoke(segment.Ordinal, position, bytes);
        return new AppendOutcome(AppendStatus.Appended, segment.Length);
    }

    /// <summary>
    /// Fails an append on the medium: nothing more goes to the segment. Mostly the store can still mark where it ends; else
    /// some of the append may be there after a restart.
    /// </summary>
    public AppendOutcome Break(string name, long? expectedPosition, ReadOnlySpan<byte> bytes)
    {
        if (Refuse(name, expectedPosition) is { } refusal)
            return refusal;
        var segment = _segments[name];
        segment.Broken = true;
        segment.LostTail = random.Chance(700) ? null : bytes[..random.Next(bytes.Length + 1)].ToArray();
        return new AppendOutcome(AppendStatus.Broken, segment.Durable);
    }

    public void Seal(string name)
    {
        if (_segments.TryGetValue(name, out var segment))
            segment.Sealed = true;
    }

    public int Read(string name, long position, Span<byte> destination)
    {
        var segment = Find(name);
        if (position >= segment.Length)
            return 0;
        var length = (int)Math.Min(destination.Length, segment.Length - position);
        segment.Bytes.AsSpan((int)position, length).CopyTo(destination);
        return length;
    }

    /// <summary>Reads as if the last appends had not come yet: a replica of the store that lags behind.</summary>
    public int ReadStale(string name, long position, Span<byte> destination)
    {
        var ends = Find(name).Ends;
        var length = ends.Count == 0 ? 0 : ends[Math.Max(0, ends.Count - random.Between(2, 5))];
        var read = Read(name, position, destination);
        return (int)Math.Clamp(length - position, 0, read);
    }

    public SegmentExtent? ExtentOf(string name) => _segments.TryGetValue(name, out var segment) ? segment.Extent : null;

    public SegmentExtent Settle(string name, long length)
    {
        var segment = Find(name);
        if (segment.Settled)
            return segment.Extent;
        ArgumentOutOfRangeException.ThrowIfLessThan(length, segment.Marker);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, segment.Length);
        if (length < segment.Durable)
        {
            findings.Report(
                "crash prefix", $"a segment was cut to {length} bytes, and {segment.Durable} of it were durable");
        }

        var from = segment.Durable;
        segment.Length = segment.Durable = segment.Marker = (int)length;
        segment.Settled = true;
        if (length > from)
            Appended?.Invoke(segment.Ordinal, from, segment.Bytes.AsMemory(from, (int)length - from));
        return segment.Extent;
    }

    // A name's end is random, and would order alike names differently from run to run: they come as they were created.
    public IReadOnlyList<SegmentInfo> ListSegments(string prefix) =>
        [.. _segments.Where(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal))
            .OrderBy(pair => pair.Key[..pair.Key.LastIndexOf('-')], StringComparer.Ordinal)
            .ThenBy(pair => pair.Value.Ordinal)
            .Select(pair => new SegmentInfo(pair.Key, pair.Value.Length, pair.Value.Modified))];

    public void DeleteSegment(string name) => _segments.Remove(name);

    public Document? ReadDocument(string name) => _documents.TryGetValue(name, out var document) ? document : null;

    public string? WriteDocument(string name, ReadOnlyMemory<byte> bytes, string? expectedETag)
    {
        if (ReadDocument(name)?.ETag != expectedETag)
            return null;
        var etag = (++_etags).ToString(CultureInfo.InvariantCulture);
        _documents[name] = new Document(bytes, etag);
        Written?.Invoke(name, bytes);
        return etag;
    }

    public bool DeleteDocument(string name, string? expectedETag)
    {
        if (expectedETag is not null && ReadDocument(name)?.ETag != expectedETag)
            return false;
        _documents.Remove(name);
        return true;
    }

    public IReadOnlyList<string> ListDocuments(string prefix) =>
        [.. _documents.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal))];

    /// <summary>What a crash leaves of an append that was under way: nothing, all, or any image of its sectors.</summary>
    public void Tear(string name, long? expectedPosition, ReadOnlySpan<byte> bytes, CrashKind kind)
    {
        if (Refuse(name, expectedPosition) is not null)
            return;
        var image = bytes.ToArray();
        var shape = random.Next(kind == CrashKind.Process ? 3 : 6);
        if (shape == 1)
            image = image[..random.Next(image.Length)];
        else if (shape == 2)
            image = [];
        else if (shape == 3)
            image.AsSpan(random.Next(image.Length)).Clear();
        else if (shape == 4)
            random.Fill(image.AsSpan(random.Next(image.Length)));
        else if (shape == 5)
            DropSectors(image);
        _segments[name].Append(image);
    }

    /// <summary>The one process has ended without closing anything: open segments are in doubt.</summary>
    public void Crash(CrashKind kind)
    {
        Restart(kind);
        foreach (var segment in _segments.Values.Where(segment => !segment.Sealed))
        {
            segment.Marker = kind == CrashKind.Machine ? random.Between(segment.Marker, segment.Durable) : segment.Durable;
            if (random.Chance(500))
                segment.Append(new byte[random.Between(1, random.Chance(50) ? PreallocatedBytesFar : PreallocatedBytesMax)]);
            segment.Settled = false;
        }
    }

    /// <summary>A new process begins: of a broken segment it knows what the old one could still write down.</summary>
    public void Restart(CrashKind kind)
    {
        foreach (var segment in _segments.Values.Where(segment => segment.Broken))
        {
            segment.Broken = false;
            segment.Sealed |= segment.LostTail is null;
            if (segment.Sealed)
                continue;
            if (kind == CrashKind.Machine)
                random.Fill(segment.LostTail);
            segment.Append(segment.LostTail);
            segment.Marker = segment.Durable;
            segment.Settled = false;
        }
    }

    private void DropSectors(Span<byte> image)
    {
        for (var from = 0; from < image.Length; from += SectorBytes)
        {
            if (random.Chance(500))
                image.Slice(from, Math.Min(SectorBytes, image.Length - from)).Clear();
        }
    }

    private AppendOutcome? Refuse(string name, long? expectedPosition)
    {
        if (!_segments.TryGetValue(name, out var segment))
            return new AppendOutcome(AppendStatus.NotFound, -1);
        if (segment.Broken)
            return new AppendOutcome(AppendStatus.Broken, segment.Durable);
        if (segment.Sealed)
            return new AppendOutcome(AppendStatus.Sealed, segment.Length);
        if (!segment.Settled)
            findings.Report("crash prefix", "an append went to a segment whose tail is not settled");
        if (expectedPosition is { } expected && expected != segment.Length)
            return new AppendOutcome(AppendStatus.Conflict, segment.Length);
        return segment.AppendCount >= limits.AppendCountMax
            ? new AppendOutcome(AppendStatus.SegmentFull, segment.Length)
            : null;
    }

    private SimulatedSegment Find(string name) =>
        _segments.TryGetValue(name, out var segment) ? segment : throw new SegmentNotFoundException(name);
}

/// <summary>One segment as it is on the medium.</summary>
internal sealed class SimulatedSegment(int ordinal, DateTimeOffset modified)
{
    private readonly List<int> _ends = [];
    private byte[] _bytes = new byte[256];

    /// <summary>The how-manieth segment of the round it is.</summary>
    public int Ordinal => ordinal;

    /// <summary>The end of what can be read.</summary>
    public int Length { get; set; }

    /// <summary>The end of what was reported durable, in truth.</summary>
    public int Durable { get; set; }

    /// <summary>The end of what the store itself remembers as durable after a crash: never more than the truth.</summary>
    public int Marker { get; set; }

    public int AppendCount { get; set; }

    public bool Sealed { get; set; }

    public bool Settled { get; set; } = true;

    /// <summary>True from a failed sync until the store's next start.</summary>
    public bool Broken { get; set; }

    /// <summary>What may show up behind the durable end of a broken segment then; null when the store marked its end.</summary>
    public byte[]? LostTail { get; set; }

    public DateTimeOffset Modified { get; set; } = modified;

    public byte[] Bytes => _bytes;

    /// <summary>The lengths that the segment had after each of its appends.</summary>
    public IReadOnlyList<int> Ends => _ends;

    public SegmentExtent Extent =>
        new(Settled ? Length : Marker, Length, Settled, Sealed || Broken, AppendCount);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (Length + bytes.Length > _bytes.Length)
            Array.Resize(ref _bytes, Math.Max(Length + bytes.Length, 2 * _bytes.Length));
        bytes.CopyTo(_bytes.AsSpan(Length));
        Length += bytes.Length;
        _ends.Add(Length);
    }
}
