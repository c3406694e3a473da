using System.Buffers;

namespace OrleansStream.Client.Connections;

/// <summary>An answer's body in pooled memory. It is used for one answer after the other, and is not for two threads at once.</summary>
/// <param name="initialBytes">The memory that it begins with, in bytes: a longer body takes more.</param>
internal sealed class AnswerBuffer(int initialBytes = ConnectionLimits.AnswerBytesInitial) : IDisposable
{
    private byte[] _bytes = [];

    /// <summary>The body's bytes, which whoever reads them may change.</summary>
    public Memory<byte> Bytes => _bytes.AsMemory(0, Length);

    /// <summary>The body's length in bytes.</summary>
    public int Length { get; private set; }

    /// <summary>The memory that it has, in bytes.</summary>
    public int CapacityBytes => _bytes.Length;

    /// <summary>Reads a body to its end.</summary>
    /// <param name="content">The body.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="StreamServiceException">The body is longer than <see cref="ConnectionLimits.AnswerBytesMax"/>.</exception>
    public async Task ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        Length = 0;
        var stream = await content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            while (true)
            {
                if (Length == _bytes.Length)
                    Grow();
                var read = await stream.ReadAsync(_bytes.AsMemory(Length), cancellationToken).ConfigureAwait(false);
                if (read == 0)
                    return;
                Length += read;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Length = 0;
        var bytes = _bytes;
        _bytes = [];
        if (bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(bytes);
    }

    private void Grow()
    {
        if (_bytes.Length >= ConnectionLimits.AnswerBytesMax)
            throw new StreamServiceException($"An answer is longer than {ConnectionLimits.AnswerBytesMax} bytes.");
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(initialBytes, 2 * _bytes.Length));
        _bytes.AsSpan(0, Length).CopyTo(larger);
        if (_bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}
