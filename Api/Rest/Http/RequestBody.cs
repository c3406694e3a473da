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
        new(HttpFault.BodyTooLarge, $"The body is longer than {bytesMax} bytes (after its encoding is undone). Send fewer records at once.");

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
            var coming = decoded.ReadAsync(_buffer.AsMemory(_length), CancellationToken.None);
            if (!coming.IsCompleted)
                Watch();
            var read = await coming;
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
        // No further than was announced; a body that is unfolded, or of unknown length, announces too little.
        var doubled = 2 * _buffer.Length;
        var capacity = Math.Max(_length + bytes, _announcedBytes > _buffer.Length ? Math.Min(doubled, _announcedBytes) : doubled);
        Count(capacity);
        var larger = ArrayPool<byte>.Shared.Rent(capacity);
        _buffer.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    // Counts what was asked for in all. The pool may give twice as much, and growth counted from that would be counted too low.
    private void Count(int capacity)
    {
        _load?.TakeForBody(capacity - _countedBytes);
        _countedBytes = capacity;
    }

    // Only where something is waited for: most bodies come with their headers.
    private void Watch()
    {
        if (_load is not null)
            (_watch ??= new SenderWatch(_context, _load)).Wait(_length, _length);
    }
}
