using Microsoft.Win32.SafeHandles;

namespace OrleansStream.Comparison.Limits;

/// <summary>
/// A file that has been written with zeros, over which appends are written from its beginning to its end and again: the cheapest way to make bytes
/// durable. One append is made at a time. No folder shows the file, so it is gone with the process.
/// </summary>
internal sealed class WrittenFile : IDisposable
{
    private const int LengthBytes = 16 << 20;

    private readonly Lock _gate = new();
    private readonly SafeFileHandle _file;
    private int _position;

    /// <summary>Makes the file.</summary>
    public WrittenFile()
    {
        var path = Path.Join(Path.GetTempPath(), Path.GetRandomFileName());
        _file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete);
        File.Delete(path);
        RandomAccess.Write(_file, new byte[LengthBytes], 0);
        RawDisk.Sync(_file);
    }

    /// <summary>Writes and syncs.</summary>
    /// <param name="bytes">The bytes, at most as many as the file has.</param>
    /// <exception cref="IOException">The system refuses.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            if (_position + bytes.Length > LengthBytes)
                _position = 0;
            RandomAccess.Write(_file, bytes, _position);
            RawDisk.Sync(_file);
            _position += bytes.Length;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
