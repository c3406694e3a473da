using Microsoft.Win32.SafeHandles;
using OrleansStream.Storage.Files.Disk;

namespace OrleansStream.Storage.Files.Segments;

/// <summary>
/// One segment: its marker, and its data file, which holds the appended bytes, and zeros ahead of them while the segment is open.
/// </summary>
/// <remarks>
/// Everything except <see cref="ReadableLength"/> is used only on the segment's lane, so nothing here needs a lock.
/// <para>
/// After a crash the data file may hold more than the marker says: durable appends whose marker was not written, a torn append that was under way,
/// and the zeros ahead. <see cref="SegmentExtent.Length"/> is then the file's whole length, because a batch may end in zero bytes, so zeros do not
/// show the end.
/// </para>
/// </remarks>
internal sealed class SegmentFile
{
    private readonly IFileOperations _files;
    private readonly string _path;
    private readonly SegmentGrowth _growth;
    private readonly WrittenPages _pages;
    private long _durableLength;
    private long _readableLength;
    private long _physicalLength;
    private int _appendCount;
    private bool _sealed;
    private bool _settled;
    private bool _broken;
    private bool _markedExact;

    private SegmentFile(IFileOperations files, string path)
    {
        _files = files;
        _path = path;
        _growth = new SegmentGrowth(files, path);
        _pages = new WrittenPages(files);
    }

    /// <summary>The open files. The cache of handles sets them.</summary>
    public SegmentHandles? Handles { get; set; }

    /// <summary>The data file.</summary>
    public string Path => _path;

    /// <summary>The marker's file. A segment's name cannot contain <c>~</c>, so it cannot collide with one.</summary>
    public string MarkerPath => MarkerPathOf(_path);

    /// <summary>Readers see only the bytes below this length. Safe to read from any thread.</summary>
    public long ReadableLength => Volatile.Read(ref _readableLength);

    /// <summary>True when <see cref="Close"/> has something to record.</summary>
    public bool NeedsClose => _settled && !_sealed && !_broken && !_markedExact;

    /// <summary>Where the segment ends.</summary>
    public SegmentExtent Extent => new(_durableLength, ReadableLength, _settled, _sealed, _appendCount);

    /// <summary>The marker's file of a data file.</summary>
    public static string MarkerPathOf(string path) => path + "~durable";

    /// <summary>Creates an empty segment's two files, in a folder that exists. The caller syncs the folder.</summary>
    /// <exception cref="IOException">The segment exists, or the file system refuses.</exception>
    public static SegmentFile Create(IFileOperations files, string path)
    {
        var segment = new SegmentFile(files, path) { _settled = true };
        using var data = files.Create(path);
        files.Delete(MarkerPathOf(path));
        using var marker = files.Create(MarkerPathOf(path));
        segment.WriteMarker(marker, DurableMarkerFlags.None);
        return segment;
    }

    /// <summary>A segment whose creation may not be durable, and that could not be removed. This process never writes to it.</summary>
    public static SegmentFile Abandoned(IFileOperations files, string path) =>
        new(files, path) { _settled = true, _sealed = true, _broken = true };

    /// <summary>Reads from the disk what is certain of a segment that this process has not used yet.</summary>
    /// <exception cref="FileNotFoundException">There is no such segment.</exception>
    public static SegmentFile Load(IFileOperations files, string path)
    {
        var segment = new SegmentFile(files, path);
        using var data = files.Open(path);
        segment._physicalLength = files.GetLength(data);
        segment.Apply(segment.ReadMarker());
        if (segment._settled && !segment._sealed && segment._physicalLength > segment._durableLength)
        {
            files.SetLength(data, segment._durableLength);
            segment._physicalLength = segment._durableLength;
        }

        return segment;
    }

    /// <summary>
    /// Appends bytes: one write, or two when the file grows, then one sync, then the marker. After a regular stop the first append also syncs the
    /// marker.
    /// </summary>
    /// <param name="handles">The open files.</param>
    /// <param name="expectedPosition">The length that the segment must have; null for any.</param>
    /// <param name="bytes">What to append.</param>
    public AppendOutcome Append(SegmentHandles handles, long? expectedPosition, ReadOnlySpan<byte> bytes)
    {
        if (_broken)
            return new(AppendStatus.Broken, _durableLength);
        if (_sealed)
            return new(AppendStatus.Sealed, _durableLength);
        if (!_settled || (expectedPosition is { } expected && expected != _durableLength))
            return new(AppendStatus.Conflict, ReadableLength);
        if (_durableLength + bytes.Length > FileStoreLimits.SegmentBytesMax)
            return new(AppendStatus.SegmentFull, _durableLength);

        var end = _durableLength + bytes.Length;
        var zeros = 0;
        if (end > _physicalLength && !_growth.TryPlan(bytes.Length, isFence: expectedPosition is null, out zeros))
            return new(AppendStatus.StoreFull, _durableLength);

        try
        {
            if (_markedExact)
                MarkOpen(handles.Marker);
            _files.Write(handles.Data, bytes, _durableLength);
            if (zeros > 0)
                _files.Write(handles.Data, SegmentGrowth.Zeros.AsSpan(0, zeros), end);
        }
        catch (Exception exception) when (FileErrors.IsFull(exception))
        {
            return CutBack(handles);
        }
        catch (Exception exception) when (FileErrors.IsFileError(exception))
        {
            return Break(handles);
        }

        return Commit(handles, end, zeros);
    }

    /// <summary>Closes the segment to appends, and cuts the zeros ahead, so that its file has its exact length.</summary>
    /// <exception cref="IOException">The segment may not be sealed on the disk.</exception>
    public void Seal(SegmentHandles handles)
    {
        if (_sealed && !_broken)
            return;

        if (_settled && !_broken)
        {
            _files.SetLength(handles.Data, _durableLength);
            SyncOrPoison(handles.Data);
            _physicalLength = _durableLength;
        }

        WriteMarker(handles.Marker, DurableMarkerFlags.Sealed | (_settled ? DurableMarkerFlags.Exact : 0));
        _files.SyncData(handles.Marker);
        _sealed = true;
    }

    /// <summary>Cuts the torn tail.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is not within the doubtful part of the segment.</exception>
    /// <exception cref="IOException">The cut may not be durable.</exception>
    public SegmentExtent Settle(SegmentHandles handles, long length)
    {
        if (_broken && !_settled)
            throw new IOException("An earlier sync of this file failed.");
        if (_settled)
            return Extent;
        if (length < _durableLength || length > _physicalLength)
        {
            throw new ArgumentOutOfRangeException(
                nameof(length), length, $"The segment's end is in doubt from {_durableLength} to {_physicalLength} only.");
        }

        // The sync also makes durable what a killed process wrote and did not sync.
        _files.SetLength(handles.Data, length);
        SyncOrPoison(handles.Data);
        _physicalLength = _durableLength = length;
        WriteMarker(handles.Marker, _sealed ? DurableMarkerFlags.Sealed | DurableMarkerFlags.Exact : 0);
        _files.SyncData(handles.Marker);
        _settled = true;
        Volatile.Write(ref _readableLength, length);
        return Extent;
    }

    /// <summary>Records that the segment's end is exact, so that the next start needs no settling.</summary>
    /// <remarks>Not synced: if a power loss takes the record, the next start settles the segment.</remarks>
    public void Close(SegmentHandles handles)
    {
        _files.SetLength(handles.Data, _durableLength);
        WriteMarker(handles.Marker, DurableMarkerFlags.Exact);
    }

    private AppendOutcome Commit(SegmentHandles handles, long end, int zeros)
    {
        try
        {
            _files.SyncData(handles.Data);
            _physicalLength = Math.Max(_physicalLength, end + zeros);
            var before = (_durableLength, _appendCount);
            (_durableLength, _appendCount) = (end, _appendCount + 1);
            try
            {
                WriteMarker(handles.Marker, DurableMarkerFlags.None);
            }
            catch
            {
                (_durableLength, _appendCount) = before;
                throw;
            }
        }
        catch (Exception exception) when (FileErrors.IsFileError(exception))
        {
            return Break(handles);
        }

        Volatile.Write(ref _readableLength, end);
        _pages.Release(handles.Data, end);
        return new(AppendStatus.Appended, end);
    }

    /// <summary>Undoes a write that found no room. Bytes that it left behind must not be there after a crash.</summary>
    private AppendOutcome CutBack(SegmentHandles handles)
    {
        try
        {
            _files.SetLength(handles.Data, _durableLength);
            _files.SyncData(handles.Data);
            _physicalLength = _durableLength;
            return new(AppendStatus.StoreFull, _durableLength);
        }
        catch (Exception exception) when (FileErrors.IsFileError(exception))
        {
            return Break(handles);
        }
    }

    /// <summary>
    /// Gives the segment up. The page cache may now show bytes that are not on the disk, so the marker records, for the next process too, that the
    /// segment ends at its last durable byte. The data file is never synced again.
    /// </summary>
    private AppendOutcome Break(SegmentHandles handles)
    {
        _broken = true;
        _sealed = true;
        try
        {
            WriteMarker(handles.Marker, DurableMarkerFlags.Sealed | DurableMarkerFlags.Exact);
            _files.SyncData(handles.Marker);
        }
        catch (Exception exception) when (FileErrors.IsFileError(exception))
        {
            // The segment is unsettled after a restart, and the log's own checks find its end.
        }

        return new(AppendStatus.Broken, _durableLength);
    }

    /// <summary>
    /// Durably marks the segment as open before its first append. Otherwise a power loss could leave a marker that says exact and hides the appends.
    /// </summary>
    private void MarkOpen(SafeFileHandle marker)
    {
        WriteMarker(marker, DurableMarkerFlags.None);
        _files.SyncData(marker);
        _markedExact = false;
    }

    private void SyncOrPoison(SafeFileHandle data)
    {
        try
        {
            _files.SyncData(data);
        }
        catch
        {
            _broken = true;
            throw;
        }
    }

    private void Apply(DurableMarker? marker)
    {
        var extent = DurableMarker.ExtentOf(marker, _physicalLength);
        (_durableLength, _readableLength) = (extent.DurableLength, extent.Length);
        (_settled, _sealed, _appendCount) = (extent.Settled, extent.Sealed, extent.AppendCount);
        _markedExact = marker?.Flags.HasFlag(DurableMarkerFlags.Exact) ?? false;
    }

    private DurableMarker? ReadMarker()
    {
        Span<byte> bytes = stackalloc byte[DurableMarker.Size];
        var count = 0;
        try
        {
            using var file = _files.Open(MarkerPath);
            count = _files.Read(file, bytes, 0);
        }
        catch (Exception exception) when (FileErrors.IsMissing(exception))
        {
            // A missing marker counts as an empty one.
        }

        return DurableMarker.OfFile(bytes[..count]);
    }

    private void WriteMarker(SafeFileHandle file, DurableMarkerFlags flags)
    {
        Span<byte> bytes = stackalloc byte[DurableMarker.Size];
        new DurableMarker(_durableLength, _appendCount, flags).Write(bytes);
        _files.Write(file, bytes, 0);
    }
}
