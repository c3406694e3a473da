using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Tests.Kafka.Brokers;

/// <summary>Asks one broker for offsets of one partition, whoever leads it.</summary>
internal static class OffsetCalls
{
    public static async Task<KafkaError> ListLatestErrorAsync(KafkaSocket socket, string topic, int partition) =>
        (await ListLatestAsync(socket, topic, partition, known: -1)).Error;

    public static async Task<KafkaError> FindEpochEndErrorAsync(KafkaSocket socket, string topic, int partition) =>
        (await FindEpochEndAsync(socket, topic, partition, known: -1, epoch: 1)).Error;

    public static async Task<(KafkaError Error, long Offset, int Epoch)> ListLatestAsync(KafkaSocket socket, string topic, int partition, int known)
    {
        await socket.SendAsync(ListOffsetsRequest.Api, 4, 1, writer =>
        {
            writer.WriteInt32(-1);
            writer.WriteInt8(0);
            writer.WriteArrayLength(1);
            writer.WriteString(topic);
            writer.WriteArrayLength(1);
            writer.WriteInt32(partition);
            writer.WriteInt32(known);
            writer.WriteInt64(ListOffsetsRequest.Latest);
        });
        var reader = OpenPartition(await socket.ReceiveAsync());
        reader.ReadInt32(); // partition
        var error = (KafkaError)reader.ReadInt16();
        reader.ReadInt64(); // timestamp
        return (error, reader.ReadInt64(), reader.ReadInt32());
    }

    public static async Task<(KafkaError Error, int Epoch, long EndOffset)> FindEpochEndAsync(
        KafkaSocket socket, string topic, int partition, int known, int epoch)
    {
        await socket.SendAsync(OffsetForLeaderEpochRequest.Api, 2, 1, writer =>
        {
            writer.WriteArrayLength(1);
            writer.WriteString(topic);
            writer.WriteArrayLength(1);
            writer.WriteInt32(partition);
            writer.WriteInt32(known);
            writer.WriteInt32(epoch);
        });
        var reader = OpenPartition(await socket.ReceiveAsync());
        var error = (KafkaError)reader.ReadInt16();
        reader.ReadInt32(); // partition
        return (error, reader.ReadInt32(), reader.ReadInt64());
    }

    private static WireReader OpenPartition(byte[]? answer)
    {
        var reader = new WireReader(answer, isFlexible: false);
        reader.ReadInt32(); // correlation id
        reader.ReadInt32(); // throttle_time_ms
        Assert.Equal(1, reader.ReadArrayLength(1));
        reader.ReadString();
        Assert.Equal(1, reader.ReadArrayLength(1));
        return reader;
    }
}
