using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Tests.Kafka;

/// <summary>Produce requests of one batch, as a test sends them.</summary>
internal static class ProduceCalls
{
    /// <summary>The version in which they are sent.</summary>
    public const short Version = 7;

    /// <summary>Writes a request for one partition.</summary>
    public static Action<WireWriter> Of(string topic, int partition, short acks, byte[] batch) => writer =>
    {
        writer.WriteString(null);
        writer.WriteInt16(acks);
        writer.WriteInt32(30_000);
        writer.WriteArrayLength(1);
        writer.WriteString(topic);
        writer.WriteArrayLength(1);
        writer.WriteInt32(partition);
        writer.WriteBytes(batch);
    };

    /// <summary>Asks for a producer's id.</summary>
    public static async Task<long> TakeProducerAsync(this KafkaSocket socket)
    {
        await socket.SendAsync(InitProducerIdRequest.Api, 1, 1, writer =>
        {
            writer.WriteString(null);
            writer.WriteInt32(60_000);
        });
        var reader = new WireReader(await socket.ReceiveAsync(), isFlexible: false);
        reader.ReadInt32(); // correlation id
        reader.ReadInt32(); // throttle_time_ms
        Assert.Equal(0, reader.ReadInt16());
        return reader.ReadInt64();
    }

    /// <summary>Sends a batch to a topic's first partition, with acks of all, and waits for the answer.</summary>
    public static async Task<(KafkaError Error, long BaseOffset)> ProduceAsync(this KafkaSocket socket, string topic, byte[] batch)
    {
        await socket.BeginProduceAsync(topic, batch);
        return await socket.ReceiveProducedAsync();
    }

    /// <summary>Sends a batch to a topic's first partition, with acks of all.</summary>
    public static ValueTask BeginProduceAsync(this KafkaSocket socket, string topic, byte[] batch, int correlationId = 1) =>
        socket.SendAsync(ProduceRequest.Api, Version, correlationId, Of(topic, 0, acks: -1, batch));

    /// <summary>Waits for the answer to a request for one partition.</summary>
    public static async Task<(KafkaError Error, long BaseOffset)> ReceiveProducedAsync(this KafkaSocket socket)
    {
        var reader = new WireReader(await socket.ReceiveAsync(), isFlexible: false);
        reader.ReadInt32(); // correlation id
        Assert.Equal(1, reader.ReadInt32());
        reader.ReadString();
        Assert.Equal(1, reader.ReadInt32());
        reader.ReadInt32(); // partition
        return ((KafkaError)reader.ReadInt16(), reader.ReadInt64());
    }
}
