using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using OrleansStream.Gateway.Admission;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Connections;

/// <summary>Takes the frames of a connection from its pipe. A length is believed within its bound, and memory is taken for bytes that have come.</summary>
/// <param name="input">The connection's pipe.</param>
/// <param name="node">The node's memory for requests.</param>
/// <param name="time">The clock.</param>
/// <param name="closed">Cancelled when the connection is closed.</param>
internal sealed class FrameReader(PipeReader input, NodeLoad node, TimeProvider time, CancellationToken closed) : IDisposable
{
    private const int LengthFieldBytes = sizeof(int);

    private readonly Deadline _deadline = new(time);

    /// <summary>Waits for the next frame.</summary>
    /// <returns>The frame; null when the client has ended, <see cref="Stop"/> was called, or the connection was idle for too long.</returns>
    /// <exception cref="MalformedFrameException">What comes is no frame, ends within one, or comes too slowly.</exception>
    /// <exception cref="OperationCanceledException">The connection was closed.</exception>
    public async ValueTask<RequestFrame?> ReadAsync()
    {
        var deadline = _deadline.Set(ConnectionLimits.IdleMax);
        var hasBegun = false;
        try
        {
            while (true)
            {
                var read = await input.ReadAsync(deadline);
                var buffer = read.Buffer;
                if (TryReadLength(buffer, out var lengthBytes) && buffer.Length >= LengthFieldBytes + lengthBytes)
                    return await TakeAsync(buffer.Slice(LengthFieldBytes, lengthBytes));
                input.AdvanceTo(buffer.Start, buffer.End);
                if (read.IsCanceled)
                    return null;
                if (read.IsCompleted)
                    return buffer.IsEmpty ? null : throw new MalformedFrameException("The connection ended within a request.");
                if (hasBegun || buffer.IsEmpty)
                    continue;
                deadline = _deadline.Set(ConnectionLimits.FrameMax);
                hasBegun = true;
            }
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !closed.IsCancellationRequested)
        {
            return hasBegun ? throw new MalformedFrameException("A request did not come to its end in time.") : null;
        }
        finally
        {
            _deadline.Clear();
        }
    }

    /// <summary>Ends the wait for the next frame, also one that begins later.</summary>
    public void Stop() => input.CancelPendingRead();

    /// <inheritdoc/>
    public void Dispose() => _deadline.Dispose();

    private static bool TryReadLength(in ReadOnlySequence<byte> buffer, out int lengthBytes)
    {
        lengthBytes = 0;
        if (buffer.Length < LengthFieldBytes)
            return false;
        Span<byte> field = stackalloc byte[LengthFieldBytes];
        buffer.Slice(0, LengthFieldBytes).CopyTo(field);
        lengthBytes = BinaryPrimitives.ReadInt32BigEndian(field);
        if (lengthBytes is >= 0 and <= ConnectionLimits.FrameBytesMax)
            return true;
        throw new MalformedFrameException(
            $"A request says that it has {lengthBytes} bytes{Guess(field)}; it must have up to {ConnectionLimits.FrameBytesMax}.");
    }

    // Who points the wrong client at the port finds the reason in the service's log.
    private static string Guess(ReadOnlySpan<byte> start) => start switch
    {
        [(byte)'G', (byte)'E', (byte)'T', _] or [(byte)'P', (byte)'O' or (byte)'U', _, _] or [(byte)'H', (byte)'E', _, _] => ", as HTTP would begin",
        [0x16, 0x03, _, _] => ", as TLS would begin",
        _ => "",
    };

    private async ValueTask<RequestFrame> TakeAsync(ReadOnlySequence<byte> bytes)
    {
        // A full node is no error here: the client is read from no more until others have ended.
        while (!node.TryTake(bytes.Length))
            await Task.Delay(ConnectionLimits.NodeFullPause, time, closed);
        var frame = new RequestFrame(bytes, node);
        input.AdvanceTo(bytes.End);
        return frame;
    }
}
