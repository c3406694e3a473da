using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using OrleansStream.Gateway.Admission;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Connections;

/// <summary>Takes the frames of a connection from its pipe. A length is believed within its bound.</summary>
/// <remarks>
/// The node's memory is taken for a whole frame: when all of it is there, or once <see cref="ConnectionLimits.FrameBytesAhead"/> bytes of it are.
/// While the node has none, no more is read from the client. Taken by parts, frames that each hold one part could wait for each other.
/// </remarks>
/// <param name="input">The connection's pipe.</param>
/// <param name="node">The node's memory for requests.</param>
/// <param name="lengthBytesMax">Tells how long the next frame may be.</param>
/// <param name="time">Times how long a frame may take to come.</param>
/// <param name="closed">Cancelled when the connection is closed.</param>
internal sealed class FrameReader(
    PipeReader input, NodeLoad node, Func<int> lengthBytesMax, TimeProvider time, CancellationToken closed) : IDisposable
{
    private const int LengthFieldBytes = sizeof(int);

    private readonly Deadline _deadline = new(time);

    // A read that is cancelled while a whole frame is there gives that frame, and the next one would know nothing of it.
    private volatile bool _isStopped;

    /// <summary>Waits for the next frame.</summary>
    /// <returns>The frame; null when the client has ended, <see cref="Stop"/> was called, or the connection was idle for too long.</returns>
    /// <exception cref="MalformedFrameException">What comes is no frame, ends within one, or comes too slowly.</exception>
    /// <exception cref="OperationCanceledException">The connection was closed.</exception>
    public async ValueTask<RequestFrame?> ReadAsync()
    {
        if (_isStopped)
            return null;
        var deadline = _deadline.Set(ConnectionLimits.IdleMax);
        var hasBegun = false;
        var takenBytes = 0;
        try
        {
            while (true)
            {
                var read = await input.ReadAsync(deadline);
                var buffer = read.Buffer;
                if (TryReadLength(buffer, out var lengthBytes))
                {
                    var isWhole = buffer.Length >= LengthFieldBytes + lengthBytes;
                    if (takenBytes == 0 && (isWhole || buffer.Length > ConnectionLimits.FrameBytesAhead))
                        takenBytes = await TakeMemoryAsync(lengthBytes);
                    if (isWhole)
                    {
                        var frame = new RequestFrame(buffer.Slice(LengthFieldBytes, lengthBytes), node);
                        takenBytes = 0;
                        input.AdvanceTo(buffer.GetPosition(LengthFieldBytes + lengthBytes));
                        return frame;
                    }
                }

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
            if (takenBytes > 0)
                node.Return(takenBytes);
        }
    }

    /// <summary>Ends the wait for the next frame, also one that begins later.</summary>
    public void Stop()
    {
        _isStopped = true;
        input.CancelPendingRead();
    }

    /// <inheritdoc/>
    public void Dispose() => _deadline.Dispose();

    private bool TryReadLength(in ReadOnlySequence<byte> buffer, out int lengthBytes)
    {
        lengthBytes = 0;
        if (buffer.Length < LengthFieldBytes)
            return false;
        Span<byte> field = stackalloc byte[LengthFieldBytes];
        buffer.Slice(0, LengthFieldBytes).CopyTo(field);
        lengthBytes = BinaryPrimitives.ReadInt32BigEndian(field);
        var max = lengthBytesMax();
        if (lengthBytes >= 0 && lengthBytes <= max)
            return true;
        throw new MalformedFrameException(
            $"A request says that it has {lengthBytes} bytes{Guess(field)}; it must have up to {max}{(max < ConnectionLimits.FrameBytesMax ? " before its client has signed in" : "")}.");
    }

    // Who points the wrong client at the port finds the reason in the service's log.
    private static string Guess(ReadOnlySpan<byte> start) => start switch
    {
        [(byte)'G', (byte)'E', (byte)'T', _] or [(byte)'P', (byte)'O' or (byte)'U', _, _] or [(byte)'H', (byte)'E', _, _] => ", as HTTP would begin",
        [0x16, 0x03, _, _] => ", as TLS would begin",
        _ => "",
    };

    // A full node is no error here: nothing more is read from the client until other requests have ended.
    private async ValueTask<int> TakeMemoryAsync(int bytes)
    {
        while (!await node.TakeAsync(bytes, ConnectionLimits.NodeFullWait))
            closed.ThrowIfCancellationRequested();
        return bytes;
    }
}
