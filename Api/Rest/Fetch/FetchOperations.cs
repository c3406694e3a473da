using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Topics;
using OrleansStream.Security;

namespace OrleansStream.Rest.Fetch;

/// <summary>Describes the endpoints that read records.</summary>
internal static class FetchOperations
{
    private const string Tag = "Fetch";
    private const string RecordExample =
        """{"partition":2,"offset":1207,"timestamp":"2026-06-11T19:20:00.000Z","key":"argentina-brazil","key_type":"string","value":{"event":"goal","minute":80},"value_type":"json","headers":[{"key":"source","value":"stadium"}]}""";

    private static readonly OperationParameter[] Views =
    [
        new("key_as", ParameterPlace.Query, "How keys appear; auto: text where the bytes are UTF-8, else base64.") { Choices = ["auto", "string", "json", "binary"], Default = "auto" },
        new("value_as", ParameterPlace.Query, "How values appear; auto: JSON, else UTF-8 text, else base64. A value that does not have the form asked for appears in the form that it has, and `value_type` names it.")
        {
            Choices = ["auto", "json", "string", "binary"],
            Default = "auto",
        },
    ];

    /// <summary>Fetch records of a partition.</summary>
    public static readonly Operation Fetch = new(
        "fetchRecords", Tag, "Read records of a partition",
        "Records come in order, from an offset, an end of the log, or a time; read on at `next_offset`. A batch that cannot be read is one "
        + "entry with `error`, `offset` and `last_offset`. With `wait_ms` the answer waits for "
        + "the first new record. `Accept: application/vnd.kafka.recordbatch.v2` gives the stored batches as they are, with "
        + "`Fetch-Offset`, `Next-Offset`, `Log-Start-Offset` and `High-Watermark` as headers; records below `Fetch-Offset` in the "
        + "first batch must be skipped. The header `Topic-Id` names the topic that was read. A reader that sends it as `topic_id` is refused "
        + "with UNKNOWN_TOPIC_ID once the topic was deleted and created again, so that it does not go on at an old offset in another topic. "
        + "A wait is then refused in any case. "
        + "`key_contains`, `value_contains`, `header` and `json` choose records; all that are given must hold, and texts are found whatever their case. "
        + $"There is no index: the server reads and looks at every record, at most `max_bytes` and "
        + $"{FetchLimits.FilteredRecordsMax} records a request, and none behind the first {FetchLimits.FilteredBytesMax} decompressed bytes. "
        + "`looked_at` tells how many it looked at, and `next_offset` where to go on, also when none was found.")
    {
        Right = OperationRight.OnTopic(AccessOperations.Read),
        Parameters =
        [
            TopicOperations.Topic,
            TopicOperations.PartitionNumber,
            new("offset", ParameterPlace.Query, "The first offset to read. Only one of offset, from and timestamp.") { IsInteger = true },
            new("from", ParameterPlace.Query, "The end of the log at which to start; the earliest record unless offset or timestamp is given.") { Choices = ["earliest", "latest"] },
            new("timestamp", ParameterPlace.Query, "From the first record dated at or after this: RFC 3339 or milliseconds."),
            TopicOperations.TopicId,
            new("limit", ParameterPlace.Query, $"Records in the answer, 1 to {FetchLimits.FetchRecordsMax}.") { IsInteger = true, Default = $"{FetchLimits.FetchRecordsDefault}" },
            new("max_bytes", ParameterPlace.Query, $"Bytes of stored batches to read, 1 to {FetchLimits.FetchBytesMax}; the first batch is returned even if it is larger.")
            {
                IsInteger = true,
                Default = $"{ReadingLimits.FetchBytesDefault}",
            },
            new("wait_ms", ParameterPlace.Query, $"How long to wait for a record when there is none, in milliseconds, 0 to {FetchLimits.FetchWaitMsMax}.") { IsInteger = true, Default = "0" },
            .. Views,
            new("before", ParameterPlace.Query, "Only records before this offset.") { IsInteger = true },
            new("key_contains", ParameterPlace.Query, "Only records whose key has this text in it."),
            new("value_contains", ParameterPlace.Query, "Only records whose value has this text in it."),
            new("header", ParameterPlace.Query, "Only records with this header: `name`, or `name=text` for a value that has the text in it."),
            new("json", ParameterPlace.Query, "Only records whose value is JSON and has something at a path, `$.lines[0].team`, or what it is compared with: `$.event = goal`, `$.minute >= 80`."),
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
            StreamErrorCode.InvalidTopicException, StreamErrorCode.UnknownTopicOrPartition, StreamErrorCode.UnknownTopicId,
            StreamErrorCode.OffsetOutOfRange,
            StreamErrorCode.NotLeaderOrFollower, StreamErrorCode.KafkaStorageError, StreamErrorCode.PartitionOffline,
        ],
    };

    /// <summary>Follow a topic live.</summary>
    public static readonly Operation Tail = new(
        "tailRecords", Tag, "Follow a topic live",
        "Server-sent events over all partitions: each record when it becomes durable, in order within a partition. `id` has the "
        + "next offset of every partition, and the topic. A client that sends the last `id` as `Last-Event-ID` goes on without loss. A batch that "
        + "cannot be read is one event with `error`. A comment comes every 15 s. An event `gap` reports skipped offsets, with its `reason`: records were "
        + "deleted before they were read, or the topic was deleted and created again, and is now read from its start. A partition that "
        + "is offline, damaged, or unavailable for long is reported once by an event `unavailable`, with its offset and the error. The stream keeps asking for it, and goes on with the others. An event `error` says why "
        + "the stream ends. A node that is not ready closes the connection without an answer, because a browser connects again after that, and not after an error. "
        + "A reader that reads nothing for a minute is cut off. "
        + "The stream does not end by itself unless it has a `limit`, as in the example here.")
    {
        Right = OperationRight.OnTopic(AccessOperations.Read),
        Parameters =
        [
            TopicOperations.Topic,
            new("from", ParameterPlace.Query, "Where to start without Last-Event-ID; latest when it is left out.", "earliest") { Choices = ["earliest", "latest"] },
            new("timestamp", ParameterPlace.Query, "Start from records dated at or after this: RFC 3339 or milliseconds. Not with from."),
            new("limit", ParameterPlace.Query, "End after so many records.", "2") { IsInteger = true },
            .. Views,
            new(SignInMiddleware.Ticket, ParameterPlace.Query, "A ticket (POST /v1/tickets), for a browser's EventSource, which cannot send who its user is."),
            new("Last-Event-ID", ParameterPlace.Header, "The id of the last event received; it takes precedence over from and timestamp."),
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
