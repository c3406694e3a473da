using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of ConsumerGroupDescribe, versions 0 and 1 (KIP-848).</summary>
/// <param name="Groups">The groups' names.</param>
/// <remarks>Both versions are flexible; 1 adds what kind of member each one is.</remarks>
internal readonly record struct ConsumerGroupDescribeRequest(string[] Groups)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.ConsumerGroupDescribe, Min: 0, Max: 1, FirstFlexible: 0);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    public static ConsumerGroupDescribeRequest Read(WireReader reader)
    {
        var groups = reader.ReadStringArray();
        reader.ReadBoolean(); // include_authorized_operations
        reader.SkipTags();
        return new ConsumerGroupDescribeRequest(groups);
    }
}

/// <summary>A group whose partitions the group itself assigns.</summary>
/// <param name="Error">Why it cannot be told of.</param>
/// <param name="Group">The group's name.</param>
/// <param name="State">What it is doing.</param>
/// <param name="Epoch">The group epoch.</param>
/// <param name="Assignor">The assignor.</param>
/// <param name="Members">The members.</param>
internal sealed record DescribedConsumerGroup(
    KafkaError Error, string Group, string State, int Epoch, string Assignor, IReadOnlyList<DescribedConsumer> Members);

/// <summary>A member of such a group.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="InstanceId">The id that it chose itself; null for none.</param>
/// <param name="Epoch">Its epoch.</param>
/// <param name="ClientId">What its program calls itself.</param>
/// <param name="ClientHost">The address that it joined from.</param>
/// <param name="Topics">The topics that it subscribes to by name.</param>
/// <param name="Pattern">The regular expression that it subscribes to; null for none.</param>
/// <param name="Assigned">The partitions that it has.</param>
/// <param name="Target">The partitions that it shall have.</param>
internal sealed record DescribedConsumer(
    string Member, string? InstanceId, int Epoch, string ClientId, string ClientHost, IReadOnlyList<string> Topics, string? Pattern,
    IReadOnlyList<NamedTopicPartitions> Assigned, IReadOnlyList<NamedTopicPartitions> Target);

/// <summary>Partitions of a topic.</summary>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Name">Its name.</param>
/// <param name="Partitions">The partitions' numbers.</param>
internal readonly record struct NamedTopicPartitions(Guid TopicId, string Name, int[] Partitions);

/// <summary>The answer to ConsumerGroupDescribe.</summary>
/// <param name="Groups">The groups, in the request's order.</param>
internal readonly record struct ConsumerGroupDescribeAnswer(IReadOnlyList<DescribedConsumerGroup> Groups)
{
    private const sbyte ConsumerMember = 1;

    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        answer.WriteThrottleTime();
        answer.WriteArrayLength(Groups.Count);
        foreach (var group in Groups)
        {
            answer.WriteErrorCode((short)group.Error);
            answer.WriteString(null); // error_message
            answer.WriteString(group.Group);
            answer.WriteString(group.State);
            answer.WriteInt32(group.Epoch);
            answer.WriteInt32(group.Epoch); // assignment_epoch
            answer.WriteString(group.Assignor);
            answer.WriteArrayLength(group.Members.Count);
            foreach (var member in group.Members)
                Write(answer, member, version);
            answer.WriteInt32(DescribeGroupsAnswer.NoOperations);
            answer.WriteNoTags();
        }

        answer.WriteNoTags();
    }

    private static void Write(WireWriter answer, DescribedConsumer member, short version)
    {
        answer.WriteString(member.Member);
        answer.WriteString(member.InstanceId);
        answer.WriteString(null); // rack_id
        answer.WriteInt32(member.Epoch);
        answer.WriteString(member.ClientId);
        answer.WriteString(member.ClientHost);
        answer.WriteArrayLength(member.Topics.Count);
        foreach (var topic in member.Topics)
            answer.WriteString(topic);
        answer.WriteString(member.Pattern);
        Write(answer, member.Assigned);
        Write(answer, member.Target);
        if (version >= 1)
            answer.WriteInt8(ConsumerMember);
        answer.WriteNoTags();
    }

    private static void Write(WireWriter answer, IReadOnlyList<NamedTopicPartitions> partitions)
    {
        answer.WriteArrayLength(partitions.Count);
        foreach (var topic in partitions)
        {
            answer.WriteUuid(topic.TopicId);
            answer.WriteString(topic.Name);
            answer.WriteInt32Array(topic.Partitions);
            answer.WriteNoTags();
        }

        answer.WriteNoTags();
    }
}
