using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of CreateTopics, versions 0 to 7.</summary>
/// <param name="Topics">The topics.</param>
/// <param name="IsOnlyChecked">True to tell what would come of it, and to create nothing.</param>
/// <remarks>Version 1 adds the check, 4 defaults, 5 (the first flexible one) the settings in the answer, 7 ids.</remarks>
internal sealed record CreateTopicsRequest(CreatableTopic[] Topics, bool IsOnlyChecked)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.CreateTopics, Min: 0, Max: 7, FirstFlexible: 5);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static CreateTopicsRequest Read(WireReader reader, short version)
    {
        var topics = new CreatableTopic[reader.ReadArrayLength(elementBytesMin: 9)];
        for (var i = 0; i < topics.Length; i++)
            topics[i] = CreatableTopic.Read(ref reader);
        reader.ReadInt32(); // timeout_ms
        var isOnlyChecked = version >= 1 && reader.ReadBoolean();
        reader.SkipTags();
        return new CreateTopicsRequest(topics, isOnlyChecked);
    }
}

/// <summary>A topic to create.</summary>
/// <param name="Name">Its name.</param>
/// <param name="PartitionCount">The count of its partitions; -1 for the default.</param>
/// <param name="AssignedCount">The count of partitions that are assigned to brokers by hand; 0 for none.</param>
/// <param name="Settings">Its settings.</param>
internal readonly record struct CreatableTopic(string Name, int PartitionCount, int AssignedCount, KeyValuePair<string, string?>[] Settings)
{
    /// <summary>Reads it.</summary>
    /// <param name="reader">Stands at it.</param>
    public static CreatableTopic Read(ref WireReader reader)
    {
        var name = reader.ReadString();
        var partitionCount = reader.ReadInt32();
        reader.ReadInt16(); // replication_factor: the store keeps as many copies as it keeps
        var assigned = reader.ReadArrayLength(elementBytesMin: 5);
        for (var i = 0; i < assigned; i++)
        {
            reader.ReadInt32(); // partition_index
            reader.ReadInt32Array(); // broker_ids: partitions go where the cluster puts them
            reader.SkipTags();
        }

        var settings = new KeyValuePair<string, string?>[reader.ReadArrayLength(elementBytesMin: 2)];
        for (var i = 0; i < settings.Length; i++)
        {
            settings[i] = new(reader.ReadString(), reader.ReadNullableString());
            reader.SkipTags();
        }

        reader.SkipTags();
        return new CreatableTopic(name, partitionCount, assigned, settings);
    }
}

/// <summary>What became of a topic.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Id">Its id; empty when there is none.</param>
/// <param name="Error">Why it is not created.</param>
/// <param name="Detail">Why, for people; null when it is.</param>
/// <param name="PartitionCount">The count of its partitions, or -1.</param>
/// <param name="ReplicationFactor">The copies that the store keeps, or -1.</param>
internal readonly record struct CreatedTopic(string Name, Guid Id, KafkaError Error, string? Detail, int PartitionCount, int ReplicationFactor);

/// <summary>The answer to CreateTopics.</summary>
/// <param name="Topics">What became of each topic, in the request's order.</param>
internal readonly record struct CreateTopicsAnswer(IReadOnlyList<CreatedTopic> Topics)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        if (version >= 2)
            answer.WriteThrottleTime();
        answer.WriteArrayLength(Topics.Count);
        foreach (var topic in Topics)
        {
            answer.WriteString(topic.Name);
            if (version >= 7)
                answer.WriteUuid(topic.Id);
            answer.WriteErrorCode((short)topic.Error);
            if (version >= 1)
                answer.WriteString(topic.Detail);
            if (version >= 5)
            {
                answer.WriteInt32(topic.PartitionCount);
                answer.WriteInt16((short)topic.ReplicationFactor);
                answer.WriteArrayLength(-1); // configs: DescribeConfigs tells them
            }

            answer.WriteNoTags();
        }

        answer.WriteNoTags();
    }
}
