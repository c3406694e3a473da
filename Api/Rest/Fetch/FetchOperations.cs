using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Topics;

namespace OrleansStream.Rest.Fetch;

/// <summary>What the endpoints that read records take and give.</summary>
internal static class FetchOperations
{
    private const string Tag = "Fetch";
    private const string RecordExample =
        """{"partition":2,"offset":1207,"timestamp":"2026-06-11T19:20:00.000Z","key":"argentina-brazil","key_type":"string","value":{"event":"goal","minute":80},"value_type":"json","headers":[{"key":"source","value":"stadium"}]}""";

    private static readonly OperationParameter[] Views =
    [
        new("key_as", ParameterPlace.Query, "How keys appear; auto: text where the bytes are UTF-8, else base64.") { Choices = ["auto", "string", "json", "binary"], Default = "auto" },
        new("value_as", ParameterPlace.Query, "How values appear; auto: JSON, else UTF-8 text, else base64. A record that is not what was asked for appears as what it is, and says so.")
        {
            Choices = ["auto", "json", "string", "binary"],
            Default = "auto",
        },
    ];

    /// <summary>Fetch records of a partition.</summary>
    public static readonly Operation Fetch = new(
        "fetchRecords", Tag, "Read records of a partition",
        "In order, from an offset, an end of the log, or a time; `next_offset` is where to read on. A batch that cannot be read is one "
        + "entry with `error`, `offset` and `last_offset`. With `wait_ms` the answer waits for "
        + "the first new record. `Accept: application/vnd.kafka.recordbatch.v2` gives the stored batches as they are, with "
        + "`Fetch-Offset`, `Next-Offset`, `Log-Start-Offset` and `High-Watermark` as headers; records below `Fetch-Offset` in the "
        + "first batch are to be passed over. The header `Topic-Id` says which topic was read: a reader that gives it as `topic_id` is refused "
        + "with UNKNOWN_TOPIC_ID once the topic was deleted and created anew, and does not go on at an old offset in another topic. "
        + "A wait is always refused then.")
    {
        Parameters =
        [
            TopicOperations.Topic,
            TopicOperations.PartitionNumber,
            new("offset", ParameterPlace.Query, "The first offset to read. Only one of offset, from and timestamp.") { IsInteger = true },
            new("from", ParameterPlace.Query, "An end of the log; the earliest record unless offset or timestamp says otherwise.") { Choices = ["earliest", "latest"] },
            new("timestamp", ParameterPlace.Query, "From the first record dated at or after this: RFC 3339 or milliseconds."),
            TopicOperations.TopicId,
            new("limit", ParameterPlace.Query, $"Records in the answer, 1 to {FetchLimits.FetchRecordsMax}.") { IsInteger = true, Default = $"{FetchLimits.FetchRecordsDefault}" },
            new("max_bytes", ParameterPlace.Query, $"Bytes of stored batches to read, 1 to {FetchLimits.FetchBytesMax}; the first batch comes even when it is larger.")
            {
                IsInteger = true,
                Default = $"{ReadingLimits.FetchBytesDefault}",
            },
            new("wait_ms", ParameterPlace.Query, $"How long to wait for a record when there is none, 0 to {FetchLimits.FetchWaitMsMax}.") { IsInteger = true, Default = "0" },
            .. Views,
        ],
        Offers = [MediaTypes.Json, MediaTypes.RecordBatch],
        Answers =
        [
            new(StatusCodes.Status200OK, "The records; none when there is nothing new.",
                new OperationBody(MediaTypes.Json, typeof(FetchAnswer),
                    $$"""{"records":[{{RecordExample}}],"next_offset":1208,"log_start_offset":0,"high_watermark":1208}"""),
                new OperationBody(MediaTypes.RecordBatch, null)),
        ],
        Errors =
        [
            StreamErrorCode.InvalidTopicException, StreamErrorCode.UnknownTopicOrPartition, StreamErrorCode.UnknownTopicId, StreamErrorCode.OffsetOutOfRange,
            StreamErrorCode.NotLeaderOrFollower, StreamErrorCode.KafkaStorageError, StreamErrorCode.PartitionOffline,
        ],
    };

    /// <summary>Follow a topic live.</summary>
    public static readonly Operation Tail = new(
        "tailRecords", Tag, "Follow a topic live",
        "Server-sent events over all partitions, each record as it becomes durable; a partition's records come in order. `id` names the "
        + "next offset of every partition, and the topic: a client that sends the last one as `Last-Event-ID` goes on without loss. A batch that "
        + "cannot be read is one event with `error`. A comment comes every 15 s. An event `gap` tells of offsets that are passed over, with its `reason`: records that were "
        + "deleted before they were read, or a topic that was deleted and created anew, which is read from its start then. A partition that "
        + "is offline, damaged, or away for long is told once by an event `unavailable`, with its offset and the error; it is asked on, and the others go on. An event `error` says why "
        + "the stream ends. A node that is not ready closes the connection without an answer, since a browser comes back after that, and not after an error. "
        + "A reader that takes nothing for a minute is cut off. "
        + "It never ends by itself unless it has a `limit`, as the example here.")
    {
        Parameters =
        [
            TopicOperations.Topic,
            new("from", ParameterPlace.Query, "Where to start without Last-Event-ID; latest when it is left out.", "earliest") { Choices = ["earliest", "latest"] },
            new("timestamp", ParameterPlace.Query, "Start from records dated at or after this: RFC 3339 or milliseconds. Not with from."),
            new("limit", ParameterPlace.Query, "End after so many records.", "2") { IsInteger = true },
            .. Views,
            new("Last-Event-ID", ParameterPlace.Header, "The id of the last event received; goes before from and timestamp."),
        ],
        Offers = [MediaTypes.EventStream],
        IsCutWhenUnavailable = true,
        Answers =
        [
            new(StatusCodes.Status200OK, "The events.",
                new OperationBody(MediaTypes.EventStream, null, $"data: {RecordExample}\nid: 0:17,1:4,2:1208@6f9619ff8b86d011b42d00c04fc964ff\n\n")),
        ],
        Errors =
        [
            StreamErrorCode.InvalidTopicException, StreamErrorCode.UnknownTopicOrPartition, StreamErrorCode.ThrottlingQuotaExceeded,
            StreamErrorCode.ShuttingDown,
        ],
    };
}
