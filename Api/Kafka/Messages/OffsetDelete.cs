using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of OffsetDelete, version 0: offsets that a group is to forget.</summary>
/// <param name="Group">The group.</param>
/// <param name="Topics">The partitions, topic by topic.</param>
internal sealed record OffsetDeleteRequest(string Group, OffsetFetchTopic[] Topics)
{
    /// <summary>The versions: none of them is a flexible one.</summary>
    public static readonly ApiRange Api = new(ApiKey.OffsetDelete, Min: 0, Max: 0, FirstFlexible: short.MaxValue);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    public static OffsetDeleteRequest Read(WireReader reader)
    {
        var group = reader.ReadString();
        var topics = new OffsetFetchTopic[reader.ReadArrayLength(elementBytesMin: 6)];
        for (var i = 0; i < topics.Length; i++)
            topics[i] = new OffsetFetchTopic(reader.ReadString(), reader.ReadInt32Array());
        return new OffsetDeleteRequest(group, topics);
    }
}

/// <summary>The answer to OffsetDelete.</summary>
/// <param name="Request">The request.</param>
/// <param name="Error">Why nothing is forgotten.</param>
/// <param name="Errors">Per partition why its offset is not forgotten, in the request's order; empty with an error of the whole.</param>
internal readonly record struct OffsetDeleteAnswer(OffsetDeleteRequest Request, KafkaError Error, IReadOnlyList<KafkaError> Errors)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    public void Write(WireWriter answer)
    {
        answer.WriteErrorCode((short)Error);
        answer.WriteThrottleTime();
        var topics = Error == KafkaError.None ? Request.Topics : [];
        var next = 0;
        answer.WriteArrayLength(topics.Length);
        foreach (var topic in topics)
        {
            answer.WriteString(topic.Name);
            answer.WriteArrayLength(topic.Partitions.Length);
            foreach (var partition in topic.Partitions)
            {
                answer.WriteInt32(partition);
                answer.WriteErrorCode((short)Errors[next++]);
            }
        }
    }
}
