using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Tests.Kafka;

/// <summary>A connection on which a test says what it likes.</summary>
internal sealed class KafkaSocket : IDisposable
{
    private readonly TcpClient _client;

    // Taken once: a client whose connection has ended gives none, and what it still has to read is there all the same.
    private readonly NetworkStream _stream;

    private KafkaSocket(TcpClient client) => (_client, _stream) = (client, client.GetStream());

    /// <summary>Connects.</summary>
    public static async Task<KafkaSocket> OpenAsync(int port)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        return new KafkaSocket(client);
    }

    public void Dispose() => _client.Dispose();

    /// <summary>Sends any bytes.</summary>
    public ValueTask SendRawAsync(byte[] bytes) => _stream.WriteAsync(bytes);

    /// <summary>Sends a frame.</summary>
    public ValueTask SendAsync(byte[] frame)
    {
        var bytes = new byte[sizeof(int) + frame.Length];
        BinaryPrimitives.WriteInt32BigEndian(bytes, frame.Length);
        frame.CopyTo(bytes, sizeof(int));
        return SendRawAsync(bytes);
    }

    /// <summary>Sends a request.</summary>
    public async ValueTask SendAsync(ApiRange api, short version, int correlationId, Action<WireWriter> write) =>
        await SendAsync(await FrameOfAsync(api, version, correlationId, write));

    /// <summary>The next answer, without its length field; null when the connection has ended.</summary>
    public async Task<byte[]?> ReceiveAsync()
    {
        var length = new byte[sizeof(int)];
        try
        {
            await _stream.ReadExactlyAsync(length);
            var frame = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
            await _stream.ReadExactlyAsync(frame);
            return frame;
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            return null;
        }
    }

    /// <summary>A request, without its length field.</summary>
    public static async Task<byte[]> FrameOfAsync(ApiRange api, short version, int correlationId, Action<WireWriter> write)
    {
        using var writer = new WireWriter();
        writer.WriteInt16((short)api.Key);
        writer.WriteInt16(version);
        writer.WriteInt32(correlationId);
        writer.WriteString("test");
        writer.IsFlexible = api.IsFlexible(version);
        writer.WriteNoTags();
        write(writer);
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        await writer.SendAsync(pipe.Writer, CancellationToken.None);
        await pipe.Writer.CompleteAsync();
        using var bytes = new MemoryStream();
        await pipe.Reader.CopyToAsync(bytes);
        return bytes.ToArray()[sizeof(int)..];
    }
}
