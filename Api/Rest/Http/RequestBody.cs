using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using OrleansStream.Gateway.Admission;
using OrleansStream.HttpErrors;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http.Codings;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Http;

/// <summary>A whole request body in pooled memory.</summary>
internal sealed class RequestBody : IDisposable
{
    private const int UnannouncedBytes = 16 * 1024;

    private byte[] _buffer;
    private int _length;

    private readonly HttpContext _context;
    private readonly RequestLoad? _load;
    private readonly int _announcedBytes;
    private int _countedBytes;
    private SenderWatch? _watch;

    private RequestBody(HttpContext context)
    {
        _context = context;
        _load = context.Features.Get<RequestLoad>();
        _announcedBytes = (int)(context.Request.ContentLength ?? UnannouncedBytes) + 1;
        var capacity = Math.Min(_announcedBytes, HttpLimits.BodyBytesAhead);
        Count(capacity);
        _buffer = ArrayPool<byte>.Shared.Rent(capacity);
    }

    /// <summary>The decoded body in its own memory. Valid until <see cref="Dispose"/>.</summary>
    public Memory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <summary>
    /// The body as JSON text, without the byte order mark that some writers put before UTF-8 (RFC 8259, section 8.1, lets a parser ignore it). Valid
    /// until <see cref="Dispose"/>.
    /// </summary>
    public Memory<byte> Json => Bytes[JsonBody.ByteOrderMarkLengthBytes(Bytes.Span)..];

    /// <summary>A stream that reads the body again. Valid until <see cref="Dispose"/>.</summary>
    public Stream OpenRead() => new MemoryStream(_buffer, 0, _length, writable: false);

    /// <summary>Reads a body to its end.</summary>
    /// <remarks>
    /// The read cannot be cancelled. The end of the connection ends it, and a cancelled read would leave Kestrel's reader in disorder.
    /// </remarks>
    /// <param name="context">The request.</param>
    /// <param name="bytesMax">The longest allowed body, after decoding.</param>
    /// <exception cref="RequestException">
    /// The body is longer, its coding is not supported, it is not valid in its coding from the first byte to the last, or the node has no memory left
    /// for it.
    /// </exception>
    /// <exception cref="BadHttpRequestException">The body breaks off, or its HTTP framing is wrong.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public static async ValueTask<RequestBody> ReadAsync(HttpContext context, int bytesMax)
    {
        if (context.Request.ContentLength > bytesMax)
            throw TooLong(bytesMax);

        var body = new RequestBody(context);
        try
        {
            await body.FillAsync(bytesMax);
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
        _load?.EndBody();
    }

    private static RequestException TooLong(int bytesMax) =>
        new(HttpFault.BodyTooLarge, $"The body is longer than {bytesMax} bytes (after decoding). Send fewer records at once.");

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask FillAsync(int bytesMax)
    {
        using var decoded = ContentCoding.TryDecode(_context.Request);
        try
        {
            await (decoded is null ? FillAsync(_context.Request.BodyReader, bytesMax) : FillAsync(decoded, bytesMax));
        }
        finally
        {
            if (_watch is not null)
                await _watch.DisposeAsync();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask FillAsync(PipeReader reader, int bytesMax)
    {
        while (true)
        {
            var coming = reader.ReadAsync(CancellationToken.None);
            if (!coming.IsCompleted)
                Watch();
            var result = await coming;
            try
            {
                var length = (int)result.Buffer.Length;
                if (length > bytesMax - _length)
                    throw TooLong(bytesMax);
                EnsureRoom(length);
                result.Buffer.CopyTo(_buffer.AsSpan(_length));
                _length += length;
            }
            finally
            {
                // Also after a refusal: an open read would block the draining of the rest, and so the answer to the caller.
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
            var coming = decoded.ReadAsync(_buffer.AsMemory(_length), CancellationToken.None);
            if (!coming.IsCompleted)
                Watch();
            var read = await coming;
            if (read == 0)
                return;
            _length += read;
            // Checked after each piece, so that a decompression bomb costs no more than the bound.
            if (_length > bytesMax)
                throw TooLong(bytesMax);
        }
    }

    private void EnsureRoom(int bytes)
    {
        if (_buffer.Length - _length >= bytes)
            return;
        // Grows no further than the announced length. A compressed body announces too little, and one of unknown length nothing.
        var doubled = 2 * _buffer.Length;
        var capacity = Math.Max(_length + bytes, _announcedBytes > _buffer.Length ? Math.Min(doubled, _announcedBytes) : doubled);
        Count(capacity);
        var larger = ArrayPool<byte>.Shared.Rent(capacity);
        _buffer.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    // Counts the memory that was requested in all. The pool may give twice as much, and growth counted from that would be too low.
    private void Count(int capacity)
    {
        _load?.TakeForBody(capacity - _countedBytes);
        _countedBytes = capacity;
    }

    // The watch starts only when a read has to wait, because most bodies come together with their headers.
    private void Watch()
    {
        if (_load is not null)
            (_watch ??= new SenderWatch(_context, _load)).Wait(_length, _length);
    }
}
