using Microsoft.Win32.SafeHandles;

namespace OrleansStream.Cli.Terminal;

/// <summary>Standard output that tells when nobody reads it any more, which the console's own stream hides.</summary>
internal sealed class OutputStream(Stream inner) : Stream
{
    private const nint StandardOutput = 1;

    // EPIPE on Linux and macOS; on Windows ERROR_BROKEN_PIPE and ERROR_NO_DATA.
    private static readonly int[] ClosedCodes = [32, unchecked((int)0x8007006D), unchecked((int)0x800700E8)];

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Opens the process's standard output.</summary>
    public static OutputStream Open()
    {
        // A terminal has no reader who could go. Another process may have set O_NONBLOCK on it; the console's stream then waits and writes again.
        if (OperatingSystem.IsWindows() || !Console.IsOutputRedirected)
            return new OutputStream(Console.OpenStandardOutput());
        var file = new FileStream(new SafeFileHandle(StandardOutput, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        // A file may be shared with standard error, so its place must be the system's. It has no reader who could go.
        return new OutputStream(file.CanSeek ? Console.OpenStandardOutput() : file);
    }

    /// <inheritdoc/>
    /// <exception cref="OutputClosedException">Nobody reads.</exception>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    /// <exception cref="OutputClosedException">Nobody reads.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            inner.Write(buffer);
        }
        catch (IOException exception) when (Array.IndexOf(ClosedCodes, exception.HResult) >= 0)
        {
            throw new OutputClosedException(exception);
        }
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        try
        {
            inner.Flush();
        }
        catch (IOException exception) when (Array.IndexOf(ClosedCodes, exception.HResult) >= 0)
        {
            throw new OutputClosedException(exception);
        }
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();
}
