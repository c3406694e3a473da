using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of DeleteTopics, versions 0 to 6.</summary>
/// <param name="Topics">The topics, by their names or, in version 6, by their ids.</param>
/// <remarks>Version 4 is the first flexible one, 5 adds texts to errors, 6 ids.</remarks>
internal sealed record DeleteTopicsRequest(MetadataTopicName[] Topics)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.DeleteTopics, Min: 0, Max: 6, FirstFlexible: 4);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static DeleteTopicsRequest Read(WireReader reader, short version)
    {
        var topics = new MetadataTopicName[reader.ReadArrayLength(elementBytesMin: 1)];
        for (var i = 0; i < topics.Length; i++)
        {
            var name = version >= 6 ? reader.ReadNullableString() : reader.ReadString();
            topics[i] = new MetadataTopicName(name, version >= 6 ? reader.ReadUuid() : Guid.Empty);
            if (version >= 6)
                reader.SkipTags();
        }

        reader.ReadInt32(); // timeout_ms
        reader.SkipTags();
        return new DeleteTopicsRequest(topics);
    }
}

/// <summary>What became of a topic.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Error">Why it is not deleted.</param>
/// <param name="Detail">Why, for people; null when it is.</param>
internal readonly record struct DeletedTopic(MetadataTopicName Topic, KafkaError Error, string? Detail);

/// <summary>The answer to DeleteTopics.</summary>
/// <param name="Topics">What became of each topic, in the request's order.</param>
internal readonly record struct DeleteTopicsAnswer(IReadOnlyList<DeletedTopic> Topics)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        if (version >= 1)
            answer.WriteThrottleTime();
        answer.WriteArrayLength(Topics.Count);
        foreach (var topic in Topics)
        {
            answer.WriteString(topic.Topic.Name);
            if (version >= 6)
                answer.WriteUuid(topic.Topic.Id);
            answer.WriteErrorCode((short)topic.Error);
            if (version >= 5)
                answer.WriteString(topic.Detail);
            answer.WriteNoTags();
        }

        answer.WriteNoTags();
    }
}
