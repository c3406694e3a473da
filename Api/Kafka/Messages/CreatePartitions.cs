using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of CreatePartitions, versions 0 to 3.</summary>
/// <param name="Topics">The topics.</param>
/// <param name="IsOnlyChecked">True to tell what would come of it, and to add none.</param>
/// <remarks>Version 2 is the first flexible one; nothing else differs but the quota errors that 3 may have.</remarks>
internal sealed record CreatePartitionsRequest(GrowingTopic[] Topics, bool IsOnlyChecked)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.CreatePartitions, Min: 0, Max: 3, FirstFlexible: 2);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    public static CreatePartitionsRequest Read(WireReader reader)
    {
        var topics = new GrowingTopic[reader.ReadArrayLength(elementBytesMin: 6)];
        for (var i = 0; i < topics.Length; i++)
        {
            var name = reader.ReadString();
            var count = reader.ReadInt32();
            for (var assigned = reader.ReadNullableArrayLength(elementBytesMin: 1); assigned > 0; assigned--)
            {
                reader.ReadInt32Array(); // broker_ids: partitions go where the cluster puts them
                reader.SkipTags();
            }

            reader.SkipTags();
            topics[i] = new GrowingTopic(name, count);
        }

        reader.ReadInt32(); // timeout_ms
        var isOnlyChecked = reader.ReadBoolean();
        reader.SkipTags();
        return new CreatePartitionsRequest(topics, isOnlyChecked);
    }
}

/// <summary>A topic that gets more partitions.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Count">The count of all of them then.</param>
internal readonly record struct GrowingTopic(string Name, int Count);

/// <summary>What became of something that has a name.</summary>
/// <param name="Name">The name.</param>
/// <param name="Error">Why it was not done.</param>
/// <param name="Detail">Why, for people; null when it was.</param>
internal readonly record struct NamedResult(string Name, KafkaError Error, string? Detail);

/// <summary>The answer to CreatePartitions.</summary>
/// <param name="Topics">What became of each topic.</param>
internal readonly record struct CreatePartitionsAnswer(IReadOnlyList<NamedResult> Topics)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    public void Write(WireWriter answer)
    {
        answer.WriteThrottleTime();
        answer.WriteArrayLength(Topics.Count);
        foreach (var topic in Topics)
        {
            answer.WriteString(topic.Name);
            answer.WriteErrorCode((short)topic.Error);
            answer.WriteString(topic.Detail);
            answer.WriteNoTags();
        }

        answer.WriteNoTags();
    }
}
