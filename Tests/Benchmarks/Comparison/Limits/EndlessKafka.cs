using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Protocols;
using OrleansStream.Records;

namespace OrleansStream.Comparison.Limits;

/// <summary>
/// A Kafka broker of one topic that never ends: each fetch is answered at once with batches that lie ready in memory, and only their offsets are
/// written into them. A consumer can take no more than from it.
/// </summary>
internal static class EndlessKafka
{
    /// <summary>The argument that makes this program one.</summary>
    public const string Argument = "endless-kafka";

    /// <summary>The topic's name.</summary>
    public const string Topic = "endless";

    /// <summary>The topic's partitions.</summary>
    public const int Partitions = 4;

    private const int NodeId = 1;
    private const int ChunkBytes = 1 << 20;
    private const short NewestApiVersions = 3;

    // With their lowest and highest versions: what a consumer needs that is told its offsets, and what makes its library believe in batches of format
    // 2.
    private static readonly (short Api, short Min, short Max)[] Apis =
    [
        (KafkaCalls.Produce, 3, 7), (KafkaCalls.Fetch, 4, 4), (KafkaCalls.Metadata, 4, 4), (KafkaCalls.FindCoordinator, 0, 0),
        (KafkaCalls.ApiVersions, 0, NewestApiVersions),
    ];

    /// <summary>Starts one as a process of its own.</summary>
    /// <param name="valueBytes">A record's length.</param>
    /// <param name="batchRecords">A batch's records.</param>
    /// <returns>The process and its port.</returns>
    public static async Task<(ChildProcess Process, int Port)> StartAsync(int valueBytes, int batchRecords)
    {
        var port = ChildProcess.FreePort();
        var process = ChildProcess.Start("dotnet", [Repository.Comparison, Argument, $"{port}", $"{valueBytes}", $"{batchRecords}"]);
        try
        {
            await process.WaitUntilListeningAsync(port);
            return (process, port);
        }
        catch
        {
            process.Dispose();
            throw;
        }
    }

    /// <summary>Serves until it is killed.</summary>
    /// <param name="port">Where it listens.</param>
    /// <param name="valueBytes">A record's length.</param>
    /// <param name="batchRecords">A batch's records.</param>
    public static void Run(int port, int valueBytes, int batchRecords)
    {
        var batch = SampleRecords.Batch(SampleRecords.Text(valueBytes), batchRecords);
        using var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start();
        while (true)
        {
            var socket = listener.AcceptSocket();
            socket.NoDelay = true;
            new Thread(() => Serve(socket, port, batch, batchRecords)) { IsBackground = true }.Start();
        }
    }

    private static void Serve(Socket socket, int port, byte[] batch, int batchRecords)
    {
        using var owned = socket;
        var chunks = new byte[Partitions][];
        for (var i = 0; i < Partitions; i++)
            chunks[i] = Repeat(batch, Math.Max(1, ChunkBytes / batch.Length));
        var frame = new byte[64 * 1024];
        try
        {
            while (Receive(socket, frame, 0, sizeof(int)))
            {
                var length = BinaryPrimitives.ReadInt32BigEndian(frame);
                if (length > frame.Length)
                    frame = new byte[length];
                if (!Receive(socket, frame, 0, length) || !Answer(socket, port, frame.AsSpan(0, length), chunks, batch.Length, batchRecords))
                    return;
            }
        }
        catch (SocketException)
        {
            // The consumer has seen enough.
        }
    }

    private static bool Answer(Socket socket, int port, ReadOnlySpan<byte> frame, byte[][] chunks, int batchBytes, int batchRecords)
    {
        var fields = new KafkaFields(frame);
        var api = fields.Int16();
        var version = fields.Int16();
        var answer = KafkaFrame.Answer(fields.Int32());
        switch (api)
        {
            case KafkaCalls.ApiVersions:
                Send(socket, TellApis(answer, Math.Min(version, NewestApiVersions)).ToArray());
                return true;
            case KafkaCalls.Metadata:
                Send(socket, TellTopic(answer, port).ToArray());
                return true;
            case KafkaCalls.FindCoordinator:
                Send(socket, answer.Int16(0).Int32(NodeId).Text("127.0.0.1").Int32(port).ToArray());
                return true;
            case KafkaCalls.Fetch:
                fields.Text();
                SendBatches(socket, answer, ref fields, chunks, batchBytes, batchRecords);
                return true;
            default:
                return false;
        }
    }

    private static KafkaFrame TellApis(KafkaFrame answer, short version)
    {
        answer.Int16(0);
        var isFlexible = version >= 3;
        if (isFlexible)
            answer.Int8((sbyte)(Apis.Length + 1));
        else
            answer.Int32(Apis.Length);
        foreach (var (api, min, max) in Apis)
        {
            answer.Int16(api).Int16(min).Int16(max);
            if (isFlexible)
                answer.Int8(0);
        }

        if (version >= 1)
            answer.Int32(0);
        return isFlexible ? answer.Int8(0) : answer;
    }

    private static KafkaFrame TellTopic(KafkaFrame answer, int port)
    {
        answer.Int32(0).Int32(1).Int32(NodeId).Text("127.0.0.1").Int32(port).Text(null).Text("endless").Int32(NodeId);
        answer.Int32(1).Int16(0).Text(Topic).Int8(0).Int32(Partitions);
        for (var partition = 0; partition < Partitions; partition++)
            answer.Int16(0).Int32(partition).Int32(NodeId).Int32(1).Int32(NodeId).Int32(1).Int32(NodeId);
        return answer;
    }

    private static void SendBatches(
        Socket socket, KafkaFrame answer, ref KafkaFields fields, byte[][] chunks, int batchBytes, int batchRecords)
    {
        fields.Int32(); // replica_id
        fields.Int32(); // max_wait_ms
        fields.Int32(); // min_bytes
        fields.Int32(); // max_bytes
        fields.Int8(); // isolation_level
        var asked = new List<(int Partition, long Offset)>();
        for (var topics = fields.Int32(); topics > 0; topics--)
        {
            fields.Text();
            for (var partitions = fields.Int32(); partitions > 0; partitions--)
            {
                asked.Add((fields.Int32(), fields.Int64()));
                fields.Int32();
            }
        }

        List<ArraySegment<byte>> parts = [];
        var lengthBytes = 0;
        for (var i = 0; i < asked.Count; i++)
        {
            var (partition, offset) = asked[i];
            var chunk = chunks[partition];
            Stamp(chunk, batchBytes, batchRecords, offset);
            var head = i == 0 ? answer.Int32(0).Int32(1).Text(Topic).Int32(asked.Count) : KafkaFrame.Answer(partition);
            if (i == 0)
                head.Int32(partition);
            head.Int16(0).Int64(long.MaxValue / 2).Int64(long.MaxValue / 2).Int32(-1).Int32(chunk.Length);
            // Only the first part begins with the frame's length.
            var bytes = head.ToArray();
            parts.Add(i == 0 ? new ArraySegment<byte>(bytes) : new ArraySegment<byte>(bytes, sizeof(int), bytes.Length - sizeof(int)));
            parts.Add(chunk);
            lengthBytes += parts[^2].Count + parts[^1].Count;
        }

        if (asked.Count == 0)
            parts.Add(answer.Int32(0).Int32(0).ToArray());
        else
            BinaryPrimitives.WriteInt32BigEndian(parts[0], lengthBytes - sizeof(int));
        Send(socket, parts);
    }

    private static void Stamp(byte[] chunk, int batchBytes, int batchRecords, long offset)
    {
        // The first batch holds the offset that was asked for, as that of a broker does.
        var first = offset - (offset % batchRecords);
        for (var position = 0; position < chunk.Length; position += batchBytes, first += batchRecords)
            RecordBatchHeader.StampBaseOffset(chunk.AsSpan(position), first);
    }

    private static byte[] Repeat(byte[] batch, int times)
    {
        var chunk = new byte[batch.Length * times];
        for (var i = 0; i < times; i++)
            batch.CopyTo(chunk, i * batch.Length);
        return chunk;
    }

    private static bool Receive(Socket socket, byte[] frame, int position, int length)
    {
        while (position < length)
        {
            var count = socket.Receive(frame.AsSpan(position..length));
            if (count == 0)
                return false;
            position += count;
        }

        return true;
    }

    private static void Send(Socket socket, byte[] bytes) => Send(socket, [new ArraySegment<byte>(bytes)]);

    private static void Send(Socket socket, List<ArraySegment<byte>> parts)
    {
        // A blocking socket sends all of it; in case it does not, the frame is broken, and the consumer says so.
        socket.Send(parts);
    }
}
