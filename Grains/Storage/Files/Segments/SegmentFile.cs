using Microsoft.Win32.SafeHandles;
using OrleansStream.Storage.Files.Disk;

namespace OrleansStream.Storage.Files.Segments;

/// <summary>
/// One segment: a data file of exactly the appended bytes (and zeros ahead of them while it is open), and its marker.
/// </summary>
/// <remarks>
/// Everything but <see cref="ReadableLength"/> is used on the segment's lane only, so nothing here needs a lock.
/// <para>
/// After a crash the data file may hold more than the marker knows of: appends that were durable but whose marker was
/// not yet, the torn one that was under way, and the zeros ahead. Its whole physical length counts as
/// <see cref="SegmentExtent.Length"/> then: a batch may well end in zero bytes, so zeros alone tell no end.
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

    /// <summary>The handles, kept by the cache of open ones.</summary>
    public SegmentHandles? Handles { get; set; }

    /// <summary>The data file.</summary>
    public string Path => _path;

    /// <summary>The marker's file; no segment's name can have its last character.</summary>
    public string MarkerPath => MarkerPathOf(_path);

    /// <summary>Readers see the bytes below this only. Safe to read from any thread.</summary>
    public long ReadableLength => Volatile.Read(ref _readableLength);

    /// <summary>True when <see cref="Close"/> has something to record.</summary>
    public bool NeedsClose => _settled && !_sealed && !_broken && !_markedExact;

    /// <summary>Where the segment ends.</summary>
    public SegmentExtent Extent => new(_durableLength, ReadableLength, _settled, _sealed, _appendCount);

    /// <summary>The marker's file of a data file.</summary>
    public static string MarkerPathOf(string path) => path + "~durable";

    /// <summary>Makes an empty segment's two files, in a folder that exists; the caller syncs it.</summary>
    /// <exception cref="IOException">There is one already, or the file system refuses.</exception>
    public static SegmentFile Create(IFileOperations files, string path)
    {
        var segment = new SegmentFile(files, path) { _settled = true };
        using var data = files.Create(path);
        files.Delete(MarkerPathOf(path));
        using var marker = files.Create(MarkerPathOf(path));
        segment.WriteMarker(marker, DurableMarkerFlags.None);
        return segment;
    }

    /// <summary>A segment that may not durably exist and could not be cleared away: this process writes nothing to it.</summary>
    public static SegmentFile Abandoned(IFileOperations files, string path) =>
        new(files, path) { _settled = true, _sealed = true, _broken = true };

    /// <summary>Learns from the disk what is certain of a segment that this process has not used yet.</summary>
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

    /// <summary>Appends bytes: one write, one sync, then the marker.</summary>
    /// <param name="handles">The open files.</param>
    /// <param name="expectedPosition">The length the segment must have, or null for any.</param>
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

    /// <summary>Closes the segment to appends and cuts the zeros ahead, so that its file is exact.</summary>
    /// <exception cref="IOException">It may not be sealed on disk.</exception>
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
    /// <exception cref="ArgumentOutOfRangeException">The length is outside the segment's doubtful part.</exception>
    /// <exception cref="IOException">The cut is not durable.</exception>
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

        // The sync also makes durable what a killed process had written but not yet synced.
        _files.SetLength(handles.Data, length);
        SyncOrPoison(handles.Data);
        _physicalLength = _durableLength = length;
        WriteMarker(handles.Marker, _sealed ? DurableMarkerFlags.Sealed | DurableMarkerFlags.Exact : 0);
        _files.SyncData(handles.Marker);
        _settled = true;
        Volatile.Write(ref _readableLength, length);
        return Extent;
    }

    /// <summary>Records that nothing is in doubt, so that the next start needs no settling.</summary>
    /// <remarks>Not synced: if a power loss takes the record, the next start settles, that is all.</remarks>
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

    /// <summary>Undoes a write that found no room: whatever it left behind must not be there after a crash.</summary>
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
    /// Gives the segment up. The page cache may now show bytes that are not on the disk, so the marker says, for the next
    /// process too, that the segment ends at its last durable byte; the data file is never synced again.
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
            // Then the segment is unsettled after a restart, and the log's own checks find its end.
        }

        return new(AppendStatus.Broken, _durableLength);
    }

    /// <summary>
    /// Takes back, durably and before the first append, that the marker is exact: else a power loss could leave a marker
    /// that hides the appends after it.
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
            // As an empty one.
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
