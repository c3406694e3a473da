using System.Buffers.Binary;
using System.IO.Pipelines;
using OrleansStream.Gateway.Admission;
using OrleansStream.Kafka.Connections;
using OrleansStream.Kafka.Wire;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Kafka;

/// <summary>What a frame that does not come to its end can hold of the node's memory.</summary>
public sealed class FrameReaderTests : IDisposable
{
    private const int LengthBytes = 900_000;

    private readonly NodeLoad _node = new(TimeProvider.System, bytesMax: 1_000_000);
    private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: 2 * ConnectionLimits.FrameBytesAhead));
    private readonly FrameReader _frames;
    private int _lengthBytesMax = ConnectionLimits.FrameBytesMax;

    public FrameReaderTests() => _frames = ReaderOf(_pipe);

    public void Dispose() => _frames.Dispose();

    [Fact]
    public async Task Read_OfAFrame_TakesMemoryForAllOfItOnceAPartIsThere()
    {
        var reading = _frames.ReadAsync().AsTask();
        await SendAsync(_pipe, LengthField(LengthBytes));
        await SendAsync(_pipe, new byte[1000]);
        Assert.Equal(0, _node.Bytes);

        await SendAsync(_pipe, new byte[ConnectionLimits.FrameBytesAhead]);
        await Wait.UntilAsync("the memory is taken", () => _node.Bytes == LengthBytes);
        await SendAsync(_pipe, new byte[LengthBytes - 1000 - ConnectionLimits.FrameBytesAhead]);

        using (var frame = await reading)
            Assert.Equal((LengthBytes, (long)LengthBytes), (frame!.Memory.Length, _node.Bytes));
        Assert.Equal(0, _node.Bytes);
    }

    [Fact]
    public async Task Read_WhileTheNodeHasNoMemory_ReadsNoMoreFromTheClient()
    {
        var reading = _frames.ReadAsync().AsTask();
        await SendAsync(_pipe, [.. LengthField(LengthBytes), .. new byte[LengthBytes - 1]]);
        var other = new Pipe(new PipeOptions(pauseWriterThreshold: 2 * ConnectionLimits.FrameBytesAhead));
        using var otherFrames = ReaderOf(other);
        var otherReading = otherFrames.ReadAsync().AsTask();
        var sending = SendAsync(other, [.. LengthField(LengthBytes), .. new byte[LengthBytes]]);
        await Wait.UntilAsync("the other one waits for memory", () => _node.WaitingCount == 1);
        Assert.False(sending.IsCompleted);
        Assert.Equal(LengthBytes, _node.Bytes);

        await SendAsync(_pipe, [0]);
        (await reading)!.Dispose();

        await sending;
        using var frame = await otherReading;
        Assert.Equal(LengthBytes, frame!.Memory.Length);
    }

    [Fact]
    public async Task Read_OfAFrameThatIsCut_GivesItsMemoryBack()
    {
        var reading = _frames.ReadAsync().AsTask();
        await SendAsync(_pipe, [.. LengthField(LengthBytes), .. new byte[LengthBytes - 1]]);
        await Wait.UntilAsync("the memory is taken", () => _node.Bytes == LengthBytes);
        await _pipe.Writer.CompleteAsync();

        await Assert.ThrowsAsync<MalformedFrameException>(() => reading);

        Assert.Equal(0, _node.Bytes);
    }

    [Fact]
    public async Task Read_OfAFrameThatIsTooLongForNow_IsRefusedByItsLengthField()
    {
        _lengthBytesMax = ConnectionLimits.FrameBytesBeforeSignInMax;
        var reading = _frames.ReadAsync().AsTask();
        await SendAsync(_pipe, LengthField(ConnectionLimits.FrameBytesBeforeSignInMax + 1));

        var refusal = await Assert.ThrowsAsync<MalformedFrameException>(() => reading);

        Assert.Contains("before its client has signed in", refusal.Message, StringComparison.Ordinal);
    }

    private FrameReader ReaderOf(Pipe pipe) => new(pipe.Reader, _node, () => _lengthBytesMax, TimeProvider.System, CancellationToken.None);

    private static async Task SendAsync(Pipe pipe, byte[] bytes) => await pipe.Writer.WriteAsync(bytes);

    private static byte[] LengthField(int lengthBytes)
    {
        var field = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(field, lengthBytes);
        return field;
    }
}
