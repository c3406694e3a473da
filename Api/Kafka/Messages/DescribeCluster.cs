using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of DescribeCluster, versions 0 and 1 (KIP-700): which brokers there are.</summary>
/// <param name="EndpointType">Whose addresses are asked for, in version 1: <see cref="Brokers"/> or the controllers'.</param>
internal readonly record struct DescribeClusterRequest(sbyte EndpointType)
{
    /// <summary>The addresses of brokers.</summary>
    public const sbyte Brokers = 1;

    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.DescribeCluster, Min: 0, Max: 1, FirstFlexible: 0);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static DescribeClusterRequest Read(WireReader reader, short version)
    {
        reader.ReadBoolean(); // include_cluster_authorized_operations
        var type = version >= 1 ? reader.ReadInt8() : Brokers;
        reader.SkipTags();
        return new DescribeClusterRequest(type);
    }
}

/// <summary>The answer to DescribeCluster.</summary>
/// <param name="Error">Why there is none.</param>
/// <param name="EndpointType">Whose addresses they are.</param>
/// <param name="ClusterId">The cluster's id.</param>
/// <param name="ControllerId">The id of a broker that takes what changes topics: any does.</param>
/// <param name="Brokers">The brokers.</param>
internal readonly record struct DescribeClusterAnswer(
    KafkaError Error, sbyte EndpointType, string ClusterId, int ControllerId, IReadOnlyList<MetadataBroker> Brokers)
{
    private const int NoOperations = int.MinValue;

    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        answer.WriteThrottleTime();
        answer.WriteErrorCode((short)Error);
        answer.WriteString(null); // error_message
        if (version >= 1)
            answer.WriteInt8(EndpointType);
        answer.WriteString(ClusterId);
        answer.WriteInt32(ControllerId);
        answer.WriteArrayLength(Brokers.Count);
        foreach (var broker in Brokers)
        {
            answer.WriteInt32(broker.NodeId);
            answer.WriteString(broker.Host);
            answer.WriteInt32(broker.Port);
            answer.WriteString(null); // rack
            answer.WriteNoTags();
        }

        answer.WriteInt32(NoOperations);
        answer.WriteNoTags();
    }
}
