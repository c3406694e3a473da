using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using OrleansStream.Gateway.Admission;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http.Codings;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Http;

/// <summary>A whole request body in pooled memory.</summary>
internal sealed class RequestBody : IDisposable
{
    // A body and the batches that are made of it.
    private const int CopyCount = 2;

    private byte[] _buffer;
    private int _length;

    private readonly RequestLoad? _load;
    private int _countedBytes;

    private RequestBody(int capacity, RequestLoad? load)
    {
        _load = load;
        Count(capacity);
        _buffer = ArrayPool<byte>.Shared.Rent(capacity);
    }

    /// <summary>The body's bytes, with its <c>Content-Encoding</c> undone, in memory of their own. Valid until <see cref="Dispose"/>.</summary>
    public Memory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <summary>
    /// The body's bytes as JSON text: without the byte order mark that some writers put before UTF-8 (RFC 8259, section 8.1, lets a parser pass over
    /// it). Valid until <see cref="Dispose"/>.
    /// </summary>
    public Memory<byte> Json => Bytes[JsonBody.ByteOrderMarkLengthBytes(Bytes.Span)..];

    /// <summary>The body's bytes to read once more. Valid until <see cref="Dispose"/>.</summary>
    public Stream OpenRead() => new MemoryStream(_buffer, 0, _length, writable: false);

    /// <summary>Reads a body to its end.</summary>
    /// <remarks>
    /// Nothing cancels it: the connection's end ends a read by itself, and a read that is cancelled just then leaves Kestrel's reader in disorder.
    /// </remarks>
    /// <param name="context">The request.</param>
    /// <param name="bytesMax">The longest body taken, after its encoding is undone.</param>
    /// <exception cref="RequestException">It is longer, its encoding is not taken, it is not what its encoding says from its first byte to its last,
    /// or the node has no memory left for it.</exception>
    /// <exception cref="BadHttpRequestException">It breaks off, or is not framed as HTTP has it.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public static async ValueTask<RequestBody> ReadAsync(HttpContext context, int bytesMax)
    {
        long? declared = context.Request.ContentLength;
        if (declared > bytesMax)
            throw TooLong(bytesMax);

        var body = new RequestBody((int)(declared ?? 16 * 1024) + 1, context.Features.Get<RequestLoad>());
        try
        {
            using DecodedBody? decoded = ContentCoding.TryDecode(context.Request);
            if (decoded is not null)
                await body.FillAsync(decoded, bytesMax);
            else
                await body.FillAsync(context.Request.BodyReader, bytesMax);
            return body;
        }
        catch
        {
            body.Dispose();
            throw;
        }
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

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask FillAsync(PipeReader reader, int bytesMax)
    {
        while (true)
        {
            ReadResult result = await reader.ReadAsync(CancellationToken.None);
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
    private async ValueTask FillAsync(DecodedBody decoded, int bytesMax)
    {
        while (true)
        {
            EnsureRoom(1);
            int read = await decoded.ReadAsync(_buffer.AsMemory(_length), CancellationToken.None);
            if (read == 0)
                return;
            _length += read;
            // Looked at piece by piece, so that a bomb costs no more than the bound.
            if (_length > bytesMax)
                throw TooLong(bytesMax);
        }
    }

    private void EnsureRoom(int bytes)
    {
        if (_buffer.Length - _length >= bytes)
            return;
        int capacity = Math.Max(_length + bytes, 2 * _buffer.Length);
        Count(capacity);
        byte[] larger = ArrayPool<byte>.Shared.Rent(capacity);
        _buffer.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    // Counts what was asked for in all. The pool may give twice as much, and growth counted from that would be counted too low.
    private void Count(int capacity)
    {
        _load?.Take((long)(capacity - _countedBytes) * CopyCount);
        _countedBytes = capacity;
    }
}
