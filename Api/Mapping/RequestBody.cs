using System.Buffers;
using System.IO.Compression;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using OrleansStream.Api.Errors;
using OrleansStream.Api.Load;
using ZstdSharp;

namespace OrleansStream.Api.Mapping;

/// <summary>A whole request body in pooled memory.</summary>
internal sealed class RequestBody : IDisposable
{
    private const string Encodings = "gzip, br, deflate, zstd";

    // A body and the batches that are made of it.
    private const int CopyCount = 2;

    private byte[] _buffer;
    private int _length;

    private readonly RequestLoad? _load;

    private RequestBody(int capacity, RequestLoad? load)
    {
        load?.Take(capacity * CopyCount);
        _load = load;
        _buffer = ArrayPool<byte>.Shared.Rent(capacity);
    }

    /// <summary>The body's bytes, with its <c>Content-Encoding</c> undone, in memory of their own. Valid until <see cref="Dispose"/>.</summary>
    public Memory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <summary>The body's bytes to read once more. Valid until <see cref="Dispose"/>.</summary>
    public Stream OpenRead() => new MemoryStream(_buffer, 0, _length, writable: false);

    /// <summary>Reads a body to its end.</summary>
    /// <param name="context">The request.</param>
    /// <param name="bytesMax">The longest body taken, after its encoding is undone.</param>
    /// <exception cref="RequestException">It is longer, its encoding is not taken, it is not what its encoding says, or the node has no
    /// memory left for it.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public static async ValueTask<RequestBody> ReadAsync(HttpContext context, int bytesMax)
    {
        long? declared = context.Request.ContentLength;
        if (declared > bytesMax)
            throw TooLong(bytesMax);

        var body = new RequestBody((int)(declared ?? 16 * 1024) + 1, context.Features.Get<RequestLoad>());
        try
        {
            if (TryDecode(context.Request, out Stream? decoded))
            {
                await using (decoded)
                    await body.FillAsync(decoded, EncodingOf(context.Request), bytesMax, context.RequestAborted);
            }
            else
            {
                await body.FillAsync(context.Request.BodyReader, bytesMax, context.RequestAborted);
            }

            return body;
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    /// <summary>Reads a body piece by piece, with its encoding undone.</summary>
    /// <param name="request">The request.</param>
    /// <exception cref="RequestException">Its encoding is not taken.</exception>
    public static PipeReader Stream(HttpRequest request) =>
        TryDecode(request, out Stream? decoded) ? PipeReader.Create(decoded) : request.BodyReader;

    /// <summary>The error that a failed decoder stands for; null when it is none of theirs.</summary>
    /// <param name="exception">What was thrown while reading.</param>
    /// <param name="request">The request.</param>
    public static RequestException? DecodingFault(Exception exception, HttpRequest request)
    {
        bool isDecoders = exception is InvalidDataException or InvalidOperationException or ZstdException or EndOfStreamException
            || exception is IOException and not BadHttpRequestException && exception.GetType() == typeof(IOException);
        return isDecoders && EncodingOf(request) is { } encoding
            ? RequestException.Malformed("Content-Encoding", $"The body is not valid {encoding}, or it is cut off.")
            : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        _length = 0;
    }

    private static RequestException TooLong(int bytesMax) =>
        new(HttpFault.BodyTooLarge, $"The body is longer than {bytesMax} bytes (after its encoding is undone). Send fewer records at once.");

    private static string? EncodingOf(HttpRequest request)
    {
        string? encoding = request.Headers.ContentEncoding;
        return string.IsNullOrEmpty(encoding) || encoding.Equals("identity", StringComparison.OrdinalIgnoreCase) ? null : encoding;
    }

    private static bool TryDecode(HttpRequest request, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Stream? decoded)
    {
        decoded = EncodingOf(request)?.ToLowerInvariant() switch
        {
            null => null,
            "gzip" or "x-gzip" => new GZipStream(request.Body, CompressionMode.Decompress, leaveOpen: true),
            // RFC 9110: the zlib format, not the bare deflate of RFC 1951.
            "deflate" => new ZLibStream(request.Body, CompressionMode.Decompress, leaveOpen: true),
            "br" => new BrotliStream(request.Body, CompressionMode.Decompress, leaveOpen: true),
            "zstd" => new DecompressionStream(request.Body, leaveOpen: true),
            _ => throw new RequestException(
                HttpFault.UnsupportedMediaType,
                $"Content-Encoding '{EncodingOf(request)}' is not taken. Allowed: one of {Encodings}, or none."),
        };
        return decoded is not null;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask FillAsync(PipeReader reader, int bytesMax, CancellationToken cancellationToken)
    {
        while (true)
        {
            ReadResult result = await reader.ReadAsync(cancellationToken);
            try
            {
                int length = (int)result.Buffer.Length;
                if (length > bytesMax - _length)
                    throw TooLong(bytesMax);
                EnsureRoom(length);
                result.Buffer.CopyTo(_buffer.AsSpan(_length));
                _length += length;
            }
            finally
            {
                // Also when it is refused: a read that is left open would keep the rest from being drained, and the answer from the caller.
                reader.AdvanceTo(result.Buffer.End);
            }

            if (result.IsCompleted)
                return;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask FillAsync(Stream decoded, string? encoding, int bytesMax, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                EnsureRoom(1);
                int read = await decoded.ReadAsync(_buffer.AsMemory(_length), cancellationToken);
                if (read == 0)
                    return;
                _length += read;
                // Looked at piece by piece, so that a bomb costs no more than the bound.
                if (_length > bytesMax)
                    throw TooLong(bytesMax);
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or InvalidOperationException or ZstdException
            or IOException and not BadHttpRequestException)
        {
            throw RequestException.Malformed("Content-Encoding", $"The body is not valid {encoding}, or it is cut off.");
        }
    }

    private void EnsureRoom(int bytes)
    {
        if (_buffer.Length - _length >= bytes)
            return;
        int capacity = Math.Max(_length + bytes, 2 * _buffer.Length);
        _load?.Take((capacity - _buffer.Length) * CopyCount);
        byte[] larger = ArrayPool<byte>.Shared.Rent(capacity);
        _buffer.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
