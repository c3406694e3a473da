using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;
using OrleansStream.Storage.Files.Disk;

namespace OrleansStream.Tests.Storage;

public enum FileCallKind
{
    Open,
    Create,
    CreateFolder,
    Read,
    Write,
    SetLength,
    Sync,
    Rename,
    Delete,
    SyncFolder,
    ReleaseCached,
}

/// <summary>One call that changes or reads the file system.</summary>
internal readonly record struct FileCall(FileCallKind Kind, string Path, long Position = 0, int Length = 0)
{
    public bool IsMarker => Path.EndsWith("~durable", StringComparison.Ordinal);

    public override string ToString() => $"{Kind} {System.IO.Path.GetFileName(Path)} {Position}+{Length}";
}

/// <summary>An error to give, after writing some of the bytes.</summary>
internal sealed record Fault(int Error, int WrittenLength = 0)
{
    public const int InputOutput = 5;
    public const int NoSpace = 28;
}

/// <summary>
/// A real file system on which any call can fail, the process can be killed at any call (nothing happens from then on),
/// and a power loss takes what was not synced, sector by sector.
/// </summary>
internal sealed class FaultyFileOperations : IFileOperations
{
    private const int SectorBytes = 512;

    private readonly SystemFileOperations _files = new();
    private readonly ConditionalWeakTable<SafeFileHandle, string> _paths = [];
    private readonly Lock _gate = new();
    private readonly Dictionary<string, byte[]> _synced = [];
    private readonly HashSet<string> _dirty = [];
    private readonly List<FileCall> _calls = [];

    /// <summary>Decides about each call; null lets it pass.</summary>
    public Func<FileCall, Fault?>? OnCall { get; set; }

    /// <summary>The process is killed before the call with this number, counted from the last <see cref="Forget"/>.</summary>
    public int? CrashAtCall { get; set; }

    public bool Crashed { get; private set; }

    public (long Free, long Total) Volume { get; set; } = (1L << 40, 1L << 41);

    /// <summary>Keeps what power loss would take; it costs a copy of the file at each sync.</summary>
    public bool TracksPowerLoss { get; init; }

    public IReadOnlyList<FileCall> Calls
    {
        get
        {
            lock (_gate)
                return [.. _calls];
        }
    }

    public void Forget()
    {
        lock (_gate)
            _calls.Clear();
    }

    public void Crash() => Crashed = true;

    /// <summary>Takes, of what was not synced, each sector or not, as it comes.</summary>
    public void LosePower(Random random)
    {
        foreach (var path in _dirty.Where(File.Exists).Order(StringComparer.Ordinal))
        {
            var written = File.ReadAllBytes(path);
            var synced = _synced.GetValueOrDefault(path, []);
            var left = new byte[random.Next(2) == 0 ? written.Length : synced.Length];
            for (var start = 0; start < left.Length; start += SectorBytes)
            {
                var source = random.Next(2) == 0 ? written : synced;
                var length = Math.Min(SectorBytes, Math.Min(left.Length, source.Length) - start);
                if (length > 0)
                    source.AsSpan(start, length).CopyTo(left.AsSpan(start));
            }

            File.WriteAllBytes(path, left);
        }
    }

    public SafeFileHandle Open(string path)
    {
        Check(new FileCall(FileCallKind.Open, path));
        return Remember(_files.Open(path), path);
    }

    public SafeFileHandle Create(string path)
    {
        Check(new FileCall(FileCallKind.Create, path));
        lock (_gate)
            _synced.Remove(path);
        return Remember(_files.Create(path), path);
    }

    public void CreateFolder(string path)
    {
        Check(new FileCall(FileCallKind.CreateFolder, path));
        _files.CreateFolder(path);
    }

    public int Read(SafeFileHandle file, Span<byte> destination, long position)
    {
        Check(new FileCall(FileCallKind.Read, PathOf(file), position, destination.Length));
        return _files.Read(file, destination, position);
    }

    public int ReadCached(SafeFileHandle file, Span<byte> destination, long position) => -1;

    public void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long position)
    {
        var path = PathOf(file);
        lock (_gate)
            _dirty.Add(path);
        var fault = Decide(new FileCall(FileCallKind.Write, path, position, bytes.Length));
        _files.Write(file, fault is null ? bytes : bytes[..fault.WrittenLength], position);
        Throw(fault);
    }

    public long GetLength(SafeFileHandle file) => _files.GetLength(file);

    public void SetLength(SafeFileHandle file, long length)
    {
        var path = PathOf(file);
        Check(new FileCall(FileCallKind.SetLength, path, length));
        lock (_gate)
            _dirty.Add(path);
        _files.SetLength(file, length);
    }

    public void SyncData(SafeFileHandle file)
    {
        var path = PathOf(file);
        Check(new FileCall(FileCallKind.Sync, path));
        if (!TracksPowerLoss)
            return;
        lock (_gate)
        {
            _synced[path] = File.ReadAllBytes(path);
            _dirty.Remove(path);
        }
    }

    public void Rename(string from, string to)
    {
        Check(new FileCall(FileCallKind.Rename, to));
        _files.Rename(from, to);
    }

    public void Delete(string path)
    {
        Check(new FileCall(FileCallKind.Delete, path));
        _files.Delete(path);
    }

    public void ReleaseCached(SafeFileHandle file, long position, long length)
    {
        lock (_gate)
            _calls.Add(new FileCall(FileCallKind.ReleaseCached, PathOf(file), position, (int)length));
        _files.ReleaseCached(file, position, length);
    }

    public void SyncFolder(string path) => Check(new FileCall(FileCallKind.SyncFolder, path));

    public (long Free, long Total) GetVolume(string path) => Volume;

    private SafeFileHandle Remember(SafeFileHandle file, string path)
    {
        _paths.Add(file, path);
        return file;
    }

    private string PathOf(SafeFileHandle file) => _paths.TryGetValue(file, out var path) ? path : "?";

    private void Check(FileCall call) => Throw(Decide(call));

    private Fault? Decide(FileCall call)
    {
        lock (_gate)
        {
            if (_calls.Count == CrashAtCall)
                Crashed = true;
            _calls.Add(call);
        }

        return Crashed ? new Fault(Fault.InputOutput) : OnCall?.Invoke(call);
    }

    private static void Throw(Fault? fault)
    {
        if (fault is not null)
            throw new IOException($"Injected error {fault.Error}.", fault.Error);
    }
}
