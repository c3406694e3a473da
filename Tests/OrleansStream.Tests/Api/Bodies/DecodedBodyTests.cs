using System.IO.Compression;
using CsCheck;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.HttpErrors;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Http.Codings;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace OrleansStream.Tests.Api.Bodies;

/// <summary>A coding's end is found, whatever it holds and in whatever pieces it comes; what ends elsewhere is refused.</summary>
public sealed class DecodedBodyTests
{
    // Bytes that cannot be compressed, that can, and that nearly vanish; up to beyond every buffer in between.
    private static readonly Gen<byte[]> Contents = Gen.OneOf(
        Gen.Byte.Array[0, 300],
        Gen.Byte.Array[20_000, 40_000],
        Gen.Int[0, 3].Select(i => (byte)('a' + i)).Array[0, 30_000],
        Gen.Select(Gen.Byte, Gen.Int[0, 100_000], (value, length) => Enumerable.Repeat(value, length).ToArray()));

    private static readonly Gen<(string Coding, byte[][] Contents, CompressionLevel Level, int[] Pieces, int StepBytes)> Bodies =
        Gen.Int[0, Coded.Codings.Count - 1].SelectMany(index => Gen.Select(
            Gen.Const(Coded.Codings[index]),
            Contents.Array[1, Coded.AllowsSeveral(Coded.Codings[index]) ? 3 : 1],
            Gen.OneOf(Gen.Const(CompressionLevel.NoCompression), Gen.Const(CompressionLevel.Fastest), Gen.Const(CompressionLevel.Optimal)),
            Gen.OneOf(Gen.Const(new[] { int.MaxValue }), Gen.Int[1, 9_000].Array[1, 4], Gen.Const(new[] { 1 })),
            Gen.OneOf(Gen.Const(7), Gen.Const(63), Gen.Const(4_096), Gen.Const(65_536))));

    [Fact]
    public async Task Read_WhenTheBodyIsWhole_GivesWhatWasEncoded() => await Bodies.SampleAsync(
        async b => (await Coded.DecodeAsync(b.Coding, new Pieces(Join(b.Contents, b.Coding, b.Level), b.Pieces), b.StepBytes))
            .AsSpan().SequenceEqual(b.Contents.SelectMany(content => content).ToArray()),
        iter: 300);

    [Fact]
    public async Task Read_WhenTheBodyIsCutOffAnywhere_IsRefused() => await Gen.Select(Bodies, Gen.Double[0, 1]).SampleAsync(
        async (b, where) =>
        {
            var body = Join(b.Contents, b.Coding, b.Level);
            var last = Coded.Encode(b.Coding, b.Contents[^1], b.Level);
            // Not at the end of an earlier stream: what is left is whole.
            var start = body.Length - last.Length;
            var cut = Math.Min(body.Length - 1, start + (int)(where * last.Length));
            if (cut == start && start > 0)
                cut++;
            return await IsRefusedAsync(b.Coding, body[..cut], b.Pieces, b.StepBytes);
        },
        iter: 300);

    [Fact]
    public async Task Read_WhenOtherBytesFollow_IsRefused() => await Gen.Select(Bodies, Gen.Byte.Array[1, 40]).SampleAsync(
        (b, junk) => IsRefusedAsync(b.Coding, [.. Join(b.Contents, b.Coding, b.Level), .. junk], b.Pieces, b.StepBytes),
        iter: 300);

    [Fact]
    public async Task Read_WhenOtherBytesStandBetweenStreams_IsRefused() => await Gen.Select(Bodies, Gen.Byte.Array[1, 40]).SampleAsync(
        (b, junk) =>
        {
            var body = Join(b.Contents, b.Coding, b.Level);
            return IsRefusedAsync(b.Coding, [.. body, .. junk, .. body], b.Pieces, b.StepBytes);
        },
        iter: 300);

    [Fact]
    public async Task Read_WhenAnyBitOfATrailerIsFlipped_IsRefused()
    {
        foreach (var coding in Coded.Codings)
        {
            var body = Coded.Encode(coding, "some content, some content"u8);
            for (var bit = 0; bit < 8 * Coded.TrailerLengthBytes(coding); bit++)
            {
                byte[] damaged = [.. body];
                damaged[^(1 + bit / 8)] ^= (byte)(1 << bit % 8);
                Assert.True(await IsRefusedAsync(coding, damaged, [int.MaxValue], 4_096), $"{coding}, bit {bit} from the end");
            }
        }
    }

    [Fact]
    public async Task Read_WhenTheCodingAllowsOneStream_RefusesASecond()
    {
        foreach (var coding in Coded.Codings)
        {
            var body = Coded.Encode(coding, "content"u8);
            Assert.Equal(!Coded.AllowsSeveral(coding), await IsRefusedAsync(coding, [.. body, .. body], [int.MaxValue], 4_096));
        }
    }

    [Fact]
    public async Task Read_WhenABodyUnfoldsToMuchMoreThanItIs_IsRefusedBeyondTheLongestBody()
    {
        foreach (var coding in Coded.Codings)
        {
            var body = Coded.Encode(coding, new byte[HttpLimits.RequestBytesMax]);
            Assert.Equal(HttpLimits.RequestBytesMax, (await Coded.DecodeAsync(coding, new MemoryStream(body))).Length);
            var longer = Coded.Encode(coding, new byte[2 * HttpLimits.RequestBytesMax], CompressionLevel.SmallestSize);
            var refused = await Assert.ThrowsAsync<RequestException>(() => Coded.DecodeAsync(coding, new MemoryStream(longer)));
            Assert.Equal(HttpFault.BodyTooLarge, refused.Fault);
        }
    }

    // What a body may make the decoder keep, whatever it says of itself.
    [Theory]
    [InlineData(CodingLimits.ZstdWindowLogMax, true), InlineData(CodingLimits.ZstdWindowLogMax + 1, false), InlineData(27, false)]
    public async Task Read_OfZstd_TakesWindowsUpToTheBound(int windowLog, bool isTaken)
    {
        using var body = new MemoryStream();
        using (var encoder = new CompressionStream(body, leaveOpen: true))
        {
            encoder.SetParameter(ZSTD_cParameter.ZSTD_c_windowLog, windowLog);
            encoder.Write(new byte[100]);
            encoder.Flush();
            encoder.Write(new byte[100]);
        }

        Assert.Equal(!isTaken, await IsRefusedAsync("zstd", body.ToArray(), [int.MaxValue], 4_096));
    }

    [Fact]
    public async Task Read_WhateverTheDecoderKeeps_CountsItAsMemoryOfTheNode()
    {
        var node = new NodeLoad(TimeProvider.System);
        foreach (var coding in Coded.Codings)
        {
            using var load = new RequestLoad(node);
            var body = Coded.Encode(coding, new byte[HttpLimits.RequestBytesMax]);
            await Coded.DecodeAsync(coding, new MemoryStream(body), load: load);
            Assert.Equal(coding switch { "br" => 16 << 20, "zstd" => 8 << 20, _ => 32 << 10 }, node.Bytes);
        }

        Assert.Equal(0, node.Bytes);
        using var tooMuch = new RequestLoad(new NodeLoad(TimeProvider.System, bytesMax: 1 << 20));
        var refused = await Assert.ThrowsAsync<StreamException>(
            () => Coded.DecodeAsync("br", new MemoryStream(Coded.Encode("br", new byte[2 << 20])), load: tooMuch));
        Assert.Equal(StreamErrorCode.ThrottlingQuotaExceeded, refused.Error.Code);
    }

    private static byte[] Join(byte[][] contents, string coding, CompressionLevel level) =>
        [.. contents.SelectMany(content => Coded.Encode(coding, content, level))];

    private static async Task<bool> IsRefusedAsync(string coding, byte[] body, int[] pieces, int stepBytes)
    {
        try
        {
            await Coded.DecodeAsync(coding, new Pieces(body, pieces), stepBytes);
            return false;
        }
        catch (RequestException exception)
        {
            return exception.Error.Field == "Content-Encoding";
        }
    }
}
