using System.Buffers;

namespace OrleansStream.Rest.Http.Codings;

/// <summary>A body whose decoder is called step by step, and tells by itself where its data ends.</summary>
/// <param name="body">The body as it came.</param>
/// <param name="coding">The coding's name, for the error.</param>
/// <param name="windowBytesMax">The most that the decoder keeps of what was unfolded last.</param>
/// <param name="maySeveralFollow">True when the coding allows several streams, one behind the other.</param>
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

    /// <summary>Decodes what it can.</summary>
    /// <param name="source">Bytes of the body.</param>
    /// <param name="destination">Where they go.</param>
    /// <param name="bytesConsumed">How many bytes of <paramref name="source"/> are done with.</param>
    /// <param name="bytesWritten">How many bytes were written.</param>
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

    // A decoder leaves no input behind when it asks for more, unless it needs a few bytes at once: those are kept.
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
