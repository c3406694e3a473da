using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Tests.Kafka.Brokers;

/// <summary>Reads answers, field by field.</summary>
public sealed partial class BrokerTests
{
    private static (KafkaError Error, int Leader, MetadataBroker[] Endpoints) ReadProduce(byte[] answer)
    {
        var reader = new WireReader(answer, isFlexible: true);
        reader.ReadInt32(); // correlation id
        reader.SkipTags();
        var error = ReadOnlyPartition(ref reader, isTopicNamed: true);
        reader.ReadNullableString();
        var leader = ReadLeader(ref reader, tag: 0);
        reader.SkipTags();
        reader.ReadInt32(); // throttle_time_ms
        return (error, leader, ReadEndpoints(ref reader));
    }

    private static (KafkaError Error, int Leader, MetadataBroker[] Endpoints) ReadFetch(byte[] answer)
    {
        var reader = new WireReader(answer, isFlexible: true);
        reader.ReadInt32(); // correlation id
        reader.SkipTags();
        reader.ReadInt32(); // throttle_time_ms
        Assert.Equal(0, reader.ReadInt16());
        reader.ReadInt32();
        var error = ReadOnlyPartition(ref reader, isTopicNamed: false);
        reader.ReadInt32();
        Assert.Equal(0, reader.ReadNullableBytes()?.Length ?? 0);
        var leader = ReadLeader(ref reader, tag: 1);
        reader.SkipTags();
        return (error, leader, ReadEndpoints(ref reader));
    }

    /// <summary>Reads the error of an answer's only partition, its three offsets, and a list that is empty.</summary>
    private static KafkaError ReadOnlyPartition(ref WireReader reader, bool isTopicNamed)
    {
        Assert.Equal(1, reader.ReadArrayLength(1));
        if (isTopicNamed)
            reader.ReadString();
        else
            reader.ReadUuid();
        Assert.Equal(1, reader.ReadArrayLength(1));
        reader.ReadInt32();
        var error = (KafkaError)reader.ReadInt16();
        reader.ReadInt64();
        reader.ReadInt64();
        reader.ReadInt64();
        Assert.Equal(0, reader.ReadArrayLength(1));
        return error;
    }

    private static int ReadLeader(ref WireReader reader, int tag)
    {
        if (reader.ReadUnsignedVarint() == 0)
            return -1;
        Assert.Equal(tag, reader.ReadUnsignedVarint());
        reader.ReadUnsignedVarint(); // length
        var leader = reader.ReadInt32();
        reader.ReadInt32();
        reader.SkipTags();
        return leader;
    }

    private static MetadataBroker[] ReadEndpoints(ref WireReader reader)
    {
        if (reader.ReadUnsignedVarint() == 0)
            return [];
        Assert.Equal(0, reader.ReadUnsignedVarint());
        Assert.Equal(reader.ReadUnsignedVarint(), reader.LeftBytes);
        var brokers = new MetadataBroker[reader.ReadArrayLength(1)];
        for (var i = 0; i < brokers.Length; i++)
        {
            brokers[i] = new MetadataBroker(reader.ReadInt32(), reader.ReadString(), reader.ReadInt32());
            reader.ReadNullableString();
            reader.SkipTags();
        }

        Assert.Equal(0, reader.LeftBytes);
        return brokers;
    }
}
