using OrleansStream.Gateway.Admission;
using OrleansStream.HttpErrors;
using OrleansStream.Rest.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Http.Codings;

/// <summary>
/// A body whose <c>Content-Encoding</c> is decoded. It ends only where the coding itself says that it ends, and only if the body ends there too. A
/// body that is cut off, has a wrong checksum or is followed by other bytes is an error, whatever was decoded before.
/// </summary>
/// <remarks>
/// .NET's own decompressing streams promise none of this. <c>GZipStream</c>, <c>ZLibStream</c> and <c>BrotliStream</c> end without an error where
/// their input is cut off (dotnet/runtime 47563, 61768, 72726), and ignore bytes behind its end.
/// </remarks>
/// <param name="body">The body as it came. It stays open.</param>
/// <param name="coding">The coding's name, for the error.</param>
/// <param name="windowBytesMax">The most bytes of its latest output that the decoder keeps, because later input may refer to them.</param>
internal abstract class DecodedBody(Stream body, string coding, int windowBytesMax) : BodyStream
{
    private long _windowBytes;
    private long _encodedBytes;
    private long _decodedBytes;
    private bool _hasBodyFailed;
    private bool _isEnd;

    /// <summary>Counts the memory of the decoder; null when it is not counted.</summary>
    public RequestLoad? Load { get; init; }

    /// <summary>Reads decoded bytes of the body.</summary>
    /// <param name="buffer">The buffer for the bytes.</param>
    /// <param name="cancellationToken">Ends the wait for the body.</param>
    /// <returns>The count of bytes; 0 once the whole body was read and was valid.</returns>
    /// <exception cref="RequestException">
    /// The body is not valid in its coding, or decompresses beyond <see cref="CodingLimits.UnfoldingRatioMax"/>, or the node has no memory left for
    /// it.
    /// </exception>
    public sealed override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty || _isEnd)
            return 0;
        int read;
        try
        {
            read = await DecodeAsync(buffer, cancellationToken);
        }
        catch (Exception exception) when (!_hasBodyFailed && exception is InvalidDataException or IOException)
        {
            throw Invalid();
        }

        _isEnd = read == 0;
        _decodedBytes += read;
        if (_decodedBytes > TopicLimits.RequestBytesMax && _decodedBytes / CodingLimits.UnfoldingRatioMax > _encodedBytes)
        {
            throw new RequestException(
                HttpFault.BodyTooLarge,
                $"The body decompresses to more than {CodingLimits.UnfoldingRatioMax} times its length, which is allowed only up to {TopicLimits.RequestBytesMax} bytes.");
        }

        CountWindow();
        return read;
    }

    /// <summary>Returns the next bytes; 0 once the coding has ended and the body ends there too.</summary>
    /// <param name="buffer">The buffer for the bytes; not empty.</param>
    /// <param name="cancellationToken">Ends the wait for the body.</param>
    /// <exception cref="InvalidDataException">The body is not valid in its coding.</exception>
    protected abstract ValueTask<int> DecodeAsync(Memory<byte> buffer, CancellationToken cancellationToken);

    /// <summary>Reads the body without decoding it.</summary>
    /// <param name="buffer">The buffer for the bytes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    protected async ValueTask<int> ReadBodyAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            var read = await body.ReadAsync(buffer, cancellationToken);
            _encodedBytes += read;
            return read;
        }
        catch
        {
            // The connection failed, and not the coding.
            _hasBodyFailed = true;
            throw;
        }
    }

    /// <summary>The error of a body that ends before its coding does.</summary>
    protected RequestException CutOff() => Refuse($"The body is cut off: it ends before its {coding} data does.");

    /// <summary>The error of a body that goes on after the end of its coding.</summary>
    protected RequestException FollowedByOthers() => Refuse($"The body goes on behind the end of its {coding} data.");

    private void CountWindow()
    {
        var bytes = Math.Min(_decodedBytes, windowBytesMax);
        if (bytes == _windowBytes)
            return;
        Load?.Take(bytes - _windowBytes);
        _windowBytes = bytes;
    }

    private RequestException Invalid() => Refuse($"The body is not valid {coding}, or it is cut off.");

    private static RequestException Refuse(string detail) => RequestException.Malformed("Content-Encoding", detail);
}
