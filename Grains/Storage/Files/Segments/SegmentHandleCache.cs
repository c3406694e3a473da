using Microsoft.Win32.SafeHandles;
using OrleansStream.Storage.Files.Disk;

namespace OrleansStream.Storage.Files.Segments;

/// <summary>Keeps the most recently used segments open, within a bound for the process.</summary>
/// <remarks>More than <paramref name="capacity"/> segments are open only while more are in use at the same moment.</remarks>
internal sealed class SegmentHandleCache(IFileOperations files, int capacity)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<SegmentFile> _byUse = new();

    /// <summary>The count of open segments.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _byUse.Count;
        }
    }

    /// <summary>Takes the segment's handles into use, and opens them if needed. <see cref="Return"/> ends the use.</summary>
    /// <exception cref="FileNotFoundException">The segment's file is gone.</exception>
    public SegmentHandles Rent(SegmentFile segment)
    {
        lock (_gate)
        {
            if (Use(segment) is { } open)
                return open;
        }

        var opened = new SegmentHandles(files.Open(segment.Path), OpenMarker(segment));
        SegmentHandles? surplus;
        lock (_gate)
        {
            if (Use(segment) is { } open)
            {
                opened.Dispose();
                return open;
            }

            opened.Users = 1;
            opened.Node = _byUse.AddFirst(segment);
            segment.Handles = opened;
            surplus = Evict();
        }

        surplus?.Dispose();
        return opened;
    }

    /// <summary>Ends one use.</summary>
    public void Return(SegmentHandles handles)
    {
        lock (_gate)
        {
            if (--handles.Users > 0)
                return;

            // More segments than the capacity were in use, so a surplus one is closed once its use ends.
            if (handles.Node is { } node)
            {
                if (_byUse.Count <= capacity)
                    return;
                Forget(node.Value);
            }
        }

        handles.Dispose();
    }

    /// <summary>Closes a segment's handles as soon as nobody uses them.</summary>
    public void Remove(SegmentFile segment)
    {
        SegmentHandles? unused;
        lock (_gate)
            unused = Forget(segment);
        unused?.Dispose();
    }

    /// <summary>Closes all handles.</summary>
    public void CloseAll()
    {
        lock (_gate)
        {
            while (_byUse.First is { } node)
                Forget(node.Value)?.Dispose();
        }
    }

    private SafeFileHandle OpenMarker(SegmentFile segment)
    {
        try
        {
            return files.Open(segment.MarkerPath);
        }
        catch (FileNotFoundException)
        {
            // A power loss can remove a marker that was never written back.
            return files.Create(segment.MarkerPath);
        }
    }

    private SegmentHandles? Use(SegmentFile segment)
    {
        if (segment.Handles is not { } handles)
            return null;
        handles.Users++;
        _byUse.Remove(handles.Node!);
        _byUse.AddFirst(handles.Node!);
        return handles;
    }

    private SegmentHandles? Evict()
    {
        if (_byUse.Count <= capacity)
            return null;
        for (var node = _byUse.Last; node is not null; node = node.Previous)
        {
            if (node.Value.Handles!.Users == 0)
                return Forget(node.Value);
        }

        return null;
    }

    /// <summary>Takes a segment out of the cache. Returns its handles if nobody uses them, for the caller to close.</summary>
    private SegmentHandles? Forget(SegmentFile segment)
    {
        if (segment.Handles is not { } handles)
            return null;
        _byUse.Remove(handles.Node!);
        handles.Node = null;
        segment.Handles = null;
        return handles.Users == 0 ? handles : null;
    }
}
