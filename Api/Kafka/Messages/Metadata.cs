using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of Metadata, versions 0 to 12: which topics there are, and who leads their partitions.</summary>
/// <param name="Topics">The topics that are asked for; null for all.</param>
/// <param name="MayCreateTopics">Whether a topic that there is not may be created, where the service does so.</param>
internal sealed record MetadataRequest(IReadOnlyList<MetadataTopicName>? Topics, bool MayCreateTopics)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.Metadata, Min: 0, Max: 12, FirstFlexible: 9);

    private const int UuidBytes = 16;

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static MetadataRequest Read(WireReader reader, short version)
    {
        var count = reader.ReadNullableArrayLength(version >= 10 ? UuidBytes : 1);
        // No topics is all of them in version 0, and none later, where null is all.
        var topics = count < 0 || (version == 0 && count == 0) ? null : new MetadataTopicName[count];
        for (var i = 0; i < count; i++)
        {
            var id = version >= 10 ? reader.ReadUuid() : Guid.Empty;
            var name = version >= 10 ? reader.ReadNullableString() : reader.ReadString();
            reader.SkipTags();
            topics![i] = new MetadataTopicName(name, id);
        }

        var mayCreateTopics = version < 4 || reader.ReadBoolean();
        if (version is >= 8 and <= 10)
            reader.ReadBoolean(); // include_cluster_authorized_operations
        if (version >= 8)
            reader.ReadBoolean(); // include_topic_authorized_operations
        reader.SkipTags();
        return new MetadataRequest(topics, mayCreateTopics);
    }
}

/// <summary>A topic that is asked for by its name, or else by its id.</summary>
/// <param name="Name">The name; null when it is asked for by its id.</param>
/// <param name="Id">The id.</param>
internal readonly record struct MetadataTopicName(string? Name, Guid Id);

/// <summary>A broker.</summary>
/// <param name="NodeId">Its id.</param>
/// <param name="Host">The host that clients connect to.</param>
/// <param name="Port">The port.</param>
internal readonly record struct MetadataBroker(int NodeId, string Host, int Port);

/// <summary>The leader of a partition, told to a client that asked another broker (KIP-951), so that it need not ask for metadata first.</summary>
/// <param name="Broker">The broker.</param>
/// <param name="Epoch">Its epoch; -1 when that is not known here.</param>
internal readonly record struct PartitionLeader(MetadataBroker Broker, int Epoch)
{
    /// <summary>Writes a partition's tagged field CurrentLeader.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="tag">The field's number.</param>
    public void WriteTag(WireWriter answer, int tag) => answer.WriteTag(tag, this, static (field, leader) =>
    {
        field.WriteInt32(leader.Broker.NodeId);
        field.WriteInt32(leader.Epoch);
        field.WriteNoTags();
    });

    /// <summary>
    /// Writes an answer's tagged fields: where the leaders of its partitions are reached (NodeEndpoints, field 0), if it names any.
    /// </summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="leaders">The leaders.</param>
    public static void WriteEndpoints(WireWriter answer, IEnumerable<PartitionLeader?> leaders)
    {
        MetadataBroker[] brokers = [.. leaders.OfType<PartitionLeader>().Select(leader => leader.Broker).Distinct()];
        if (brokers.Length == 0)
        {
            answer.WriteNoTags();
            return;
        }

        answer.WriteTag(0, brokers, static (field, brokers) =>
        {
            field.WriteArrayLength(brokers.Length);
            foreach (var broker in brokers)
            {
                field.WriteInt32(broker.NodeId);
                field.WriteString(broker.Host);
                field.WriteInt32(broker.Port);
                field.WriteString(null); // rack
                field.WriteNoTags();
            }
        });
    }
}

/// <summary>A topic.</summary>
/// <param name="Error">Why it cannot be told of.</param>
/// <param name="Name">Its name; null when only an id is known that no topic has.</param>
/// <param name="Id">Its id.</param>
/// <param name="PartitionCount">The count of its partitions.</param>
/// <param name="ReplicationFactor">The copies that the store keeps of each.</param>
internal readonly record struct MetadataTopic(KafkaError Error, string? Name, Guid Id, int PartitionCount, int ReplicationFactor);

/// <summary>The answer to Metadata.</summary>
/// <param name="Brokers">The brokers.</param>
/// <param name="ClusterId">The cluster's id.</param>
/// <param name="ControllerId">The id of a broker that takes what changes topics: any does.</param>
/// <param name="Topics">The topics.</param>
/// <param name="LeaderOf">Tells the id of the broker that leads a partition, and the epoch by which it does, or -1.</param>
internal sealed record MetadataAnswer(
    IReadOnlyList<MetadataBroker> Brokers, string ClusterId, int ControllerId, IReadOnlyList<MetadataTopic> Topics,
    Func<MetadataTopic, int, (int NodeId, int Epoch)> LeaderOf)
{
    // Authorized operations are not told: a client that asks for them takes this for "not known".
    private const int NoOperations = int.MinValue;

    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        if (version >= 3)
            answer.WriteThrottleTime();
        answer.WriteArrayLength(Brokers.Count);
        foreach (var broker in Brokers)
        {
            answer.WriteInt32(broker.NodeId);
            answer.WriteString(broker.Host);
            answer.WriteInt32(broker.Port);
            if (version >= 1)
                answer.WriteString(null); // rack
            answer.WriteNoTags();
        }

        if (version >= 2)
            answer.WriteString(ClusterId);
        if (version >= 1)
            answer.WriteInt32(ControllerId);
        answer.WriteArrayLength(Topics.Count);
        foreach (var topic in Topics)
            WriteTopic(answer, topic, version);
        if (version is >= 8 and <= 10)
            answer.WriteInt32(NoOperations);
        answer.WriteNoTags();
    }

    private void WriteTopic(WireWriter answer, in MetadataTopic topic, short version)
    {
        answer.WriteErrorCode((short)topic.Error);
        answer.WriteString(version >= 12 ? topic.Name : topic.Name ?? "");
        if (version >= 10)
            answer.WriteUuid(topic.Id);
        if (version >= 1)
            answer.WriteBoolean(false); // is_internal
        answer.WriteArrayLength(topic.PartitionCount);
        for (var partition = 0; partition < topic.PartitionCount; partition++)
            WritePartition(answer, topic, partition, version);
        if (version >= 8)
            answer.WriteInt32(NoOperations);
        answer.WriteNoTags();
    }

    private void WritePartition(WireWriter answer, in MetadataTopic topic, int partition, short version)
    {
        var (leader, epoch) = LeaderOf(topic, partition);
        answer.WriteErrorCode((short)KafkaError.None);
        answer.WriteInt32(partition);
        answer.WriteInt32(leader);
        if (version >= 7)
            answer.WriteInt32(epoch);
        // The copies are the store's, not other brokers'. As many are told as there are, all at the leader: some clients count them.
        WriteCopies(answer, leader, topic.ReplicationFactor);
        WriteCopies(answer, leader, topic.ReplicationFactor);
        if (version >= 5)
            answer.WriteArrayLength(0); // offline_replicas
        answer.WriteNoTags();
    }

    private static void WriteCopies(WireWriter answer, int leader, int count)
    {
        answer.WriteArrayLength(Math.Max(1, count));
        for (var i = 0; i < Math.Max(1, count); i++)
            answer.WriteInt32(leader);
    }
}
