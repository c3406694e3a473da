using System.IO.Compression;
using Microsoft.AspNetCore.Http;
using OrleansStream.Gateway.Admission;
using OrleansStream.Rest.Http.Codings;
using ZstdSharp.Unsafe;

namespace OrleansStream.Tests.Api.Bodies;

/// <summary>Bodies in each content coding, as clients make them.</summary>
internal static class Coded
{
    /// <summary>Every coding that is taken.</summary>
    public static IReadOnlyList<string> Codings { get; } = ["gzip", "deflate", "br", "zstd"];

    /// <summary>True for the codings that allow one stream behind the other.</summary>
    public static bool AllowsSeveral(string coding) => coding is "gzip" or "zstd";

    /// <summary>The length of a coding's trailer: what is behind the data, checksum and length; 0 when it has none.</summary>
    public static int TrailerLengthBytes(string coding) => coding switch
    {
        "gzip" => 8,
        "br" => 0,
        _ => 4,
    };

    /// <summary>A whole body.</summary>
    public static byte[] Encode(string coding, ReadOnlySpan<byte> content, CompressionLevel level = CompressionLevel.Fastest)
    {
        using var body = new MemoryStream();
        using (var encoder = Open(coding, body, level))
            encoder.Write(content);

        // .NET writes nothing at all for no content.
        return body.Length > 0 || coding == "zstd" ? body.ToArray() : Empty(coding);
    }

    /// <summary>A whole body in two parts, of which the first can be decoded by itself: it ends where the encoder was flushed.</summary>
    public static (byte[] First, byte[] Second) EncodeInTwo(string coding, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        using var body = new MemoryStream();
        int length;
        using (var encoder = Open(coding, body, CompressionLevel.Fastest))
        {
            encoder.Write(first);
            encoder.Flush();
            length = (int)body.Length;
            encoder.Write(second);
        }

        return (body.ToArray()[..length], body.ToArray()[length..]);
    }

    /// <summary>Reads a body as a request's, to its end.</summary>
    public static async Task<byte[]> DecodeAsync(string coding, Stream body, int stepBytes = 4096, RequestLoad? load = null)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers.ContentEncoding = coding;
        context.Request.Body = body;
        if (load is not null)
            context.Features.Set(load);
        using var decoded = ContentCoding.TryDecode(context.Request)!;
        using var content = new MemoryStream();
        var step = new byte[stepBytes];
        int read;
        while ((read = await decoded.ReadAsync(step, TestContext.Current.CancellationToken)) > 0)
            content.Write(step, 0, read);
        // An end is an end, however often it is asked for.
        Assert.Equal(0, await decoded.ReadAsync(step, TestContext.Current.CancellationToken));
        return content.ToArray();
    }

    private static Stream Open(string coding, Stream body, CompressionLevel level) => coding switch
    {
        "gzip" => new GZipStream(body, level, leaveOpen: true),
        "deflate" => new ZLibStream(body, level, leaveOpen: true),
        "br" => new BrotliStream(body, level, leaveOpen: true),
        _ => Zstd(body),
    };

    private static ZstdSharp.CompressionStream Zstd(Stream body)
    {
        var encoder = new ZstdSharp.CompressionStream(body, leaveOpen: true);
        encoder.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
        return encoder;
    }

    private static byte[] Empty(string coding) => coding switch
    {
        "gzip" => [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        "deflate" => [0x78, 0x9C, 3, 0, 0, 0, 0, 1],
        _ => [0x3B],
    };
}

/// <summary>Bytes that come in pieces of given lengths, over and over.</summary>
internal sealed class Pieces(byte[] bytes, int[] lengths) : BodyStream
{
    private int _position;
    private int _index;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await Task.Yield();
        var length = Math.Min(Math.Min(lengths[_index++ % lengths.Length], buffer.Length), bytes.Length - _position);
        bytes.AsMemory(_position, length).CopyTo(buffer);
        _position += length;
        return length;
    }
}
