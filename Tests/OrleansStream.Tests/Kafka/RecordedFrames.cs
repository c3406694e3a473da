using System.Buffers.Binary;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Tests.Kafka;

/// <summary>
/// Requests that real clients sent, one for each client, API and version: <c>Golden/frames.txt</c>. <c>GOLDEN_UPDATE={folder}</c> records them anew.
/// </summary>
internal static class RecordedFrames
{
    /// <summary>The file's name.</summary>
    public const string File = "frames.txt";

    private static readonly Dictionary<ApiKey, (ApiRange Api, Action<WireReader, short> Read)> ReadersByApi = new()
    {
        [ApiKey.Produce] = (ProduceRequest.Api, (reader, _) => ProduceRequest.Read(reader)),
        [ApiKey.Fetch] = (FetchRequest.Api, (reader, version) => FetchRequest.Read(reader, version)),
        [ApiKey.ListOffsets] = (ListOffsetsRequest.Api, (reader, version) => ListOffsetsRequest.Read(reader, version)),
        [ApiKey.Metadata] = (MetadataRequest.Api, (reader, version) => MetadataRequest.Read(reader, version)),
        [ApiKey.ApiVersions] = (ApiVersionsRequest.Api, (reader, version) => ApiVersionsRequest.Read(reader, version)),
        [ApiKey.CreateTopics] = (CreateTopicsRequest.Api, (reader, version) => CreateTopicsRequest.Read(reader, version)),
        [ApiKey.DeleteTopics] = (DeleteTopicsRequest.Api, (reader, version) => DeleteTopicsRequest.Read(reader, version)),
        [ApiKey.DeleteRecords] = (DeleteRecordsRequest.Api, (reader, _) => DeleteRecordsRequest.Read(reader)),
        [ApiKey.InitProducerId] = (InitProducerIdRequest.Api, (reader, version) => InitProducerIdRequest.Read(reader, version)),
        [ApiKey.OffsetForLeaderEpoch] = (OffsetForLeaderEpochRequest.Api, (reader, version) => OffsetForLeaderEpochRequest.Read(reader, version)),
        [ApiKey.DescribeAcls] = (DescribeAclsRequest.Api, (reader, _) => DescribeAclsRequest.Read(reader)),
        [ApiKey.CreateAcls] = (CreateAclsRequest.Api, (reader, _) => CreateAclsRequest.Read(reader)),
        [ApiKey.DeleteAcls] = (DeleteAclsRequest.Api, (reader, _) => DeleteAclsRequest.Read(reader)),
        [ApiKey.DescribeConfigs] = (DescribeConfigsRequest.Api, (reader, version) => DescribeConfigsRequest.Read(reader, version)),
        [ApiKey.AlterConfigs] = (AlterConfigsRequest.Whole, (reader, _) => AlterConfigsRequest.Read(reader, isIncremental: false)),
        [ApiKey.IncrementalAlterConfigs] = (AlterConfigsRequest.Incremental, (reader, _) => AlterConfigsRequest.Read(reader, isIncremental: true)),
        [ApiKey.CreatePartitions] = (CreatePartitionsRequest.Api, (reader, _) => CreatePartitionsRequest.Read(reader)),
        [ApiKey.DescribeCluster] = (DescribeClusterRequest.Api, (reader, version) => DescribeClusterRequest.Read(reader, version)),
    };

    /// <summary>The APIs whose requests are recorded, and their message types.</summary>
    public static IReadOnlyDictionary<ApiKey, (ApiRange Api, Action<WireReader, short> Read)> Readers => ReadersByApi;

    /// <summary>The other APIs: which of their requests a client sends depends on who comes first.</summary>
    public static IReadOnlyList<(ApiRange Api, Action<WireReader, short> Read)> Others { get; } =
    [
        (FindCoordinatorRequest.Api, (reader, version) => FindCoordinatorRequest.Read(reader, version)),
        (JoinGroupRequest.Api, (reader, version) => JoinGroupRequest.Read(reader, version)),
        (SyncGroupRequest.Api, (reader, version) => SyncGroupRequest.Read(reader, version)),
        (HeartbeatRequest.Api, (reader, version) => HeartbeatRequest.Read(reader, version)),
        (LeaveGroupRequest.Api, (reader, version) => LeaveGroupRequest.Read(reader, version)),
        (OffsetCommitRequest.Api, (reader, version) => OffsetCommitRequest.Read(reader, version)),
        (OffsetFetchRequest.Api, (reader, version) => OffsetFetchRequest.Read(reader, version)),
        (OffsetDeleteRequest.Api, (reader, _) => OffsetDeleteRequest.Read(reader)),
        (DescribeGroupsRequest.Api, (reader, version) => DescribeGroupsRequest.Read(reader, version)),
        (ListGroupsRequest.Api, (reader, version) => ListGroupsRequest.Read(reader, version)),
        (DeleteGroupsRequest.Api, (reader, _) => DeleteGroupsRequest.Read(reader)),
        (ConsumerGroupHeartbeatRequest.Api, (reader, version) => ConsumerGroupHeartbeatRequest.Read(reader, version)),
        (ConsumerGroupDescribeRequest.Api, (reader, _) => ConsumerGroupDescribeRequest.Read(reader)),
        (SaslHandshakeRequest.Api, (reader, _) => SaslHandshakeRequest.Read(reader)),
        (SaslAuthenticateRequest.Api, (reader, _) => SaslAuthenticateRequest.Read(reader)),
    ];

    /// <summary>The requests.</summary>
    public static IReadOnlyList<RecordedFrame> Read() =>
    [
        .. System.IO.File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Kafka", "Golden", File))
            .Select(line => line.Split(' ')).Select(parts => new RecordedFrame(parts[0], Convert.FromHexString(parts[3]))),
    ];

    /// <summary>A request as a line of the file.</summary>
    public static string LineOf(string client, byte[] frame) =>
        $"{client} {(ApiKey)BinaryPrimitives.ReadInt16BigEndian(frame)} {BinaryPrimitives.ReadInt16BigEndian(frame.AsSpan(2))} {Convert.ToHexStringLower(frame)}";
}

/// <summary>A request that a client sent.</summary>
/// <param name="Client">The client.</param>
/// <param name="Bytes">The request, without its length field.</param>
internal sealed record RecordedFrame(string Client, byte[] Bytes)
{
    /// <summary>The API.</summary>
    public ApiKey Key => (ApiKey)BinaryPrimitives.ReadInt16BigEndian(Bytes);

    /// <summary>The version.</summary>
    public short Version => BinaryPrimitives.ReadInt16BigEndian(Bytes.AsSpan(2));

    /// <summary>Reads the request by its message type.</summary>
    /// <param name="bytes">The request, or what was made of it.</param>
    public void ReadAs(ReadOnlyMemory<byte> bytes)
    {
        var (api, read) = RecordedFrames.Readers[Key];
        var reader = new WireReader(bytes, isFlexible: false);
        RequestHeader.Read(ref reader);
        RequestHeader.ReadClientId(ref reader, api.IsFlexible(Version));
        read(new WireReader(bytes[reader.Position..], api.IsFlexible(Version)), Version);
    }
}
