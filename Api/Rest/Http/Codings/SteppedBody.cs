using System.Buffers;

namespace OrleansStream.Rest.Http.Codings;

/// <summary>A body whose decoder is called step by step, and itself tells where its data ends.</summary>
/// <param name="body">The body as it came.</param>
/// <param name="coding">The coding's name, for the error.</param>
/// <param name="windowBytesMax">The most bytes of its latest output that the decoder keeps.</param>
/// <param name="maySeveralFollow">True when the coding allows several streams in a row.</param>
internal abstract class SteppedBody(Stream body, string coding, int windowBytesMax, bool maySeveralFollow)
    : DecodedBody(body, coding, windowBytesMax)
{
    private byte[] _input = ArrayPool<byte>.Shared.Rent(CodingLimits.DecodingInputBytes);
    private int _position;
    private int _length;
    private bool _isAtEndOfOne;

    /// <inheritdoc/>
    protected sealed override async ValueTask<int> DecodeAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_isAtEndOfOne)
            {
                if (_position == _length && !await FillAsync(cancellationToken))
                    return 0;
                if (!maySeveralFollow)
                    throw FollowedByOthers();
                _isAtEndOfOne = false;
            }

            var status = Step(_input.AsSpan(_position, _length - _position), buffer.Span, out var consumed, out var written);
            if (status == OperationStatus.InvalidData)
                throw new InvalidDataException();
            _position += consumed;
            _isAtEndOfOne = status == OperationStatus.Done;
            if (written > 0)
                return written;
            if (status == OperationStatus.NeedMoreData && !await FillAsync(cancellationToken))
                throw CutOff();
        }
    }

    /// <summary>Decodes as much as possible.</summary>
    /// <param name="source">Bytes of the body.</param>
    /// <param name="destination">The buffer for the decoded bytes.</param>
    /// <param name="bytesConsumed">The count of bytes of <paramref name="source"/> that were used.</param>
    /// <param name="bytesWritten">The count of bytes written.</param>
    /// <returns><see cref="OperationStatus.Done"/> at the end of a stream.</returns>
    protected abstract OperationStatus Step(ReadOnlySpan<byte> source, Span<byte> destination, out int bytesConsumed, out int bytesWritten);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        var input = Interlocked.Exchange(ref _input, []);
        if (input.Length > 0)
            ArrayPool<byte>.Shared.Return(input);
        base.Dispose(disposing);
    }

    // A decoder that asks for more has used all its input, unless it needs a few bytes together. Those are kept.
    private async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        var kept = _length - _position;
        _input.AsSpan(_position, kept).CopyTo(_input);
        (_position, _length) = (0, kept);
        var read = await ReadBodyAsync(_input.AsMemory(kept), cancellationToken);
        _length += read;
        return read > 0;
    }
}
