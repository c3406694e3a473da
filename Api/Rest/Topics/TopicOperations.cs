using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Security;

namespace OrleansStream.Rest.Topics;

/// <summary>Describes the topic endpoints.</summary>
internal static class TopicOperations
{
    /// <summary>The name in every path of a topic.</summary>
    public static readonly OperationParameter Topic = new(
        "topic", ParameterPlace.Path, "The topic's name: 1 to 249 characters of a-z, A-Z, 0-9, '.', '_' and '-'.", "matches");

    /// <summary>The partition in a path.</summary>
    public static readonly OperationParameter PartitionNumber = new(
        "partition", ParameterPlace.Path, "The partition's number, from 0.", "2") { IsInteger = true };

    /// <summary>The id that a topic must have.</summary>
    public static readonly OperationParameter TopicId = new(
        "topic_id", ParameterPlace.Query, "The topic's id. If another topic has the name now, the request is refused with UNKNOWN_TOPIC_ID.");

    /// <summary>
    /// The tag of operations that delete. It comes last, so that a reader who runs the page from its top still has what was created there.
    /// </summary>
    public const string DeletionTag = "Deletion";

    private const string Tag = "Topics";
    private const string TopicExample = """
        {"name":"matches","id":"0b1d7c1e-6f1a-4f0e-9a54-1c2f5f0a9b11","partitions":6,"replication_factor":1,"config":{"retention.ms":604800000,"retention.bytes":1073741824,"segment.bytes":134217728,"segment.ms":86400000,"max.message.bytes":1048588,"flush.interval.ms":0,"compression.type":"producer","message.timestamp.type":"CreateTime","message.timestamp.after.max.ms":3600000,"hot.key.spread":0,"hot.keys":"","hot.key.detection":"false"},"version":1,"created_at":"2026-06-11T18:00:00.000Z"}
        """;

    private static readonly OperationBody TopicBody = new(MediaTypes.Json, typeof(TopicAnswer), TopicExample);

    /// <summary>Create a topic.</summary>
    public static readonly Operation Put = new(
        "createTopic", Tag, "Create a topic",
        "Repeating it is harmless: 201 when this call created the topic, 200 when it exists as asked, 409 when it exists and differs. "
        + "An empty body creates a topic of one partition with default settings.")
    {
        Right = OperationRight.OnTopic(AccessOperations.Manage),
        Parameters = [Topic],
        MakesTopic = true,
        IsBodyOptional = true,
        Bodies = [new(MediaTypes.Json, typeof(TopicRequest), """{"partitions":6,"config":{"retention.ms":604800000}}""")],
        Answers = [new(StatusCodes.Status201Created, "Created.", TopicBody), new(StatusCodes.Status200OK, "It existed as asked.", TopicBody)],
        Errors =
        [
            StreamErrorCode.InvalidTopicException, StreamErrorCode.TopicAlreadyExists, StreamErrorCode.InvalidPartitions,
            StreamErrorCode.InvalidReplicationFactor, StreamErrorCode.InvalidConfig, StreamErrorCode.PolicyViolation,
        ],
    };

    /// <summary>List topics.</summary>
    public static readonly Operation List = new(
        "listTopics", Tag, "List topics", "In ordinal order of their names, a page at a time.")
    {
        Right = OperationRight.List(ResourceKind.Topic),
        Parameters =
        [
            new("limit", ParameterPlace.Query, $"Topics on the page, 1 to {TopicRequestLimits.TopicPageMax}.") { IsInteger = true, Default = $"{TopicRequestLimits.TopicPageDefault}" },
            new("after", ParameterPlace.Query, "Only names after this one: the next_after of the previous page."),
            new("prefix", ParameterPlace.Query, "Only names that start with this."),
        ],
        Answers =
        [
            new(StatusCodes.Status200OK, "A page.", new OperationBody(MediaTypes.Json, typeof(TopicListAnswer), """
                {"topics":[{"name":"matches","id":"0b1d7c1e-6f1a-4f0e-9a54-1c2f5f0a9b11","created_at":"2026-06-11T18:00:00.000Z"}]}
                """)),
        ],
    };

    /// <summary>Read a topic.</summary>
    public static readonly Operation Get = new("getTopic", Tag, "Read a topic", "With all its settings, defaults filled in.")
    {
        Right = OperationRight.OnTopic(AccessOperations.Describe),
        Parameters = [Topic],
        Answers = [new(StatusCodes.Status200OK, "The topic.", TopicBody)],
        Errors = [StreamErrorCode.InvalidTopicException, StreamErrorCode.UnknownTopicOrPartition],
    };

    /// <summary>Change a topic.</summary>
    public static readonly Operation Patch = new(
        "changeTopic", Tag, "Change a topic",
        "Changes the settings that are named; null restores the default of one. Partitions can be added; keys then move to other "
        + "partitions, and stored records stay where they are.")
    {
        Right = OperationRight.OnTopic(AccessOperations.Manage),
        Parameters = [Topic],
        Bodies = [new(MediaTypes.Json, typeof(TopicPatch), """{"config":{"retention.ms":86400000}}""")],
        Answers = [new(StatusCodes.Status200OK, "The topic after the change.", TopicBody)],
        Errors =
        [
            StreamErrorCode.InvalidTopicException, StreamErrorCode.UnknownTopicOrPartition, StreamErrorCode.InvalidPartitions,
            StreamErrorCode.InvalidConfig,
        ],
    };

    /// <summary>Delete a topic.</summary>
    public static readonly Operation Delete = new(
        "deleteTopic", DeletionTag, "Delete a topic", "After the answer its records cannot be read, and its name is free.")
    {
        Right = OperationRight.OnTopic(AccessOperations.Manage),
        Parameters = [Topic],
        Answers = [new(StatusCodes.Status204NoContent, "Deleted.")],
        Errors = [StreamErrorCode.InvalidTopicException, StreamErrorCode.UnknownTopicOrPartition],
    };

    /// <summary>List a topic's partitions.</summary>
    public static readonly Operation Partitions = new(
        "listPartitions", Tag, "List a topic's partitions", "Offsets, size and leader of each. A partition that does not answer has an error instead.")
    {
        Right = OperationRight.OnTopic(AccessOperations.Describe),
        Parameters = [Topic],
        Answers =
        [
            new(StatusCodes.Status200OK, "The partitions, in order.", new OperationBody(MediaTypes.Json, typeof(PartitionListAnswer), """
                {"partitions":[{"partition":0,"log_start_offset":0,"high_watermark":1208,"size_bytes":90113,"deleting_bytes":0,"segment_count":1,"leader":"S127.0.0.1:11111:1","leader_epoch":1}],"size_bytes":90113,"deleting_bytes":0}
                """)),
        ],
        Errors = [StreamErrorCode.InvalidTopicException, StreamErrorCode.UnknownTopicOrPartition],
    };

    /// <summary>Delete records of a partition.</summary>
    public static readonly Operation DeleteRecords = new(
        "deleteRecords", DeletionTag, "Delete records of a partition",
        "Deletes the records below an offset, as Kafka's DeleteRecords does. After the answer they cannot be read. Bytes are freed in whole "
        + "segments, once all records of a segment are deleted; the newest segment stays until it is closed. Repeating it is harmless, and "
        + "nothing is ever brought back.")
    {
        Right = OperationRight.OnTopic(AccessOperations.Manage),
        Parameters =
        [
            Topic,
            PartitionNumber,
            new("before_offset", ParameterPlace.Query, "The first offset to keep, at most the high watermark; or `latest` to delete all records.", "1"),
            TopicId,
        ],
        Answers =
        [
            new(StatusCodes.Status200OK, "Deleted; `low_watermark` is the first offset that can be read now.",
                new OperationBody(MediaTypes.Json, typeof(DeleteRecordsAnswer), """{"partition":2,"low_watermark":1}""")),
        ],
        Errors =
        [
            StreamErrorCode.InvalidTopicException, StreamErrorCode.UnknownTopicOrPartition, StreamErrorCode.UnknownTopicId,
            StreamErrorCode.OffsetOutOfRange,
            StreamErrorCode.NotLeaderOrFollower, StreamErrorCode.KafkaStorageError, StreamErrorCode.PartitionOffline,
        ],
    };

    /// <summary>A topic's traffic.</summary>
    public static readonly Operation Load = new(
        "getTopicLoad", Tag, "See a topic's traffic",
        "For each partition its traffic in and out per second, over one minute and over five, and the hottest keys of the last half minute. These are the keys "
        + "by which records choose their partition; they are found with bounded memory. Set `hot.key.spread` and `hot.keys`, or `hot.key.detection`, to "
        + "spread a hot key over several partitions: the key's records of one request go to one of them, those of the next request to the next. Records keep "
        + "their key, but keep their order only within a partition. `compression_ratio` tells how much `compression.type` saves of the batches that come "
        + "uncompressed.")
    {
        Right = OperationRight.OnTopic(AccessOperations.Read),
        Parameters = [Topic],
        Answers =
        [
            new(StatusCodes.Status200OK, "The traffic, partition by partition.", new OperationBody(MediaTypes.Json, typeof(TopicLoadAnswer), """
                {"partitions":[{"partition":0,"in":{"records_per_second_1m":1250.5,"records_per_second_5m":1190.2,"bytes_per_second_1m":90113.5,"bytes_per_second_5m":88210.0},"out":{"records_per_second_1m":0,"records_per_second_5m":0,"bytes_per_second_1m":0,"bytes_per_second_5m":0},"hottest_keys":[{"key":"argentina-brazil","key_type":"string","share":0.87}]}],"compression_ratio":3.4}
                """)),
        ],
        Errors = [StreamErrorCode.InvalidTopicException, StreamErrorCode.UnknownTopicOrPartition],
    };
}
