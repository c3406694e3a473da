using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Topics;
using OrleansStream.Security;

namespace OrleansStream.Rest.Produce;

/// <summary>What the produce endpoints take and give.</summary>
internal static class ProduceOperations
{
    private const string Tag = "Produce";
    private const string JsonExample = """
        {"records":[{"key":"argentina-brazil","value":{"event":"goal","minute":80},"headers":[{"key":"source","value":"stadium"}]},{"key":"argentina-brazil","value":{"event":"full-time","minute":90}}]}
        """;

    private const string LinesExample =
        "{\"key\":\"argentina-brazil\",\"value\":{\"event\":\"kick-off\",\"minute\":0}}\n{\"key\":\"france-japan\",\"value\":{\"event\":\"kick-off\",\"minute\":0}}\n";

    private const string ResultExample = """
        {"results":[{"partition":2,"offset":1207,"timestamp":"2026-06-11T19:20:00.000Z"},{"partition":2,"offset":1208,"timestamp":"2026-06-11T19:20:00.000Z"}]}
        """;

    private const string MixedExample = """
        {"results":[{"partition":2,"offset":1207,"timestamp":"2026-06-11T19:20:00.000Z"},{"error":{"type":"urn:orleansstream:error:THROTTLING_QUOTA_EXCEEDED","title":"Too much at once","status":429,"detail":"…","error_code":"THROTTLING_QUOTA_EXCEEDED","kafka_code":89,"retriable":true}}]}
        """;

    private const string Bodies =
        "**application/json**: an object with `records`. A value is stored as the JSON text that was sent; null stores a tombstone; a "
        + "field that is not described is refused. One malformed record refuses the whole request, and nothing is stored.\n\n"
        + "**application/x-ndjson**: one record a line, stored while they come, of any total length; one result a line comes back at the end, with more than 100,000 lines while they come (read while you send). "
        + "A malformed line fails alone. A chunk that cannot be stored ends the request; the answer then has fewer lines.\n\n"
        + "**application/vnd.kafka.recordbatch.v2**: encoded batches, stored as they are; those without a producer id get one of the service's. One that "
        + "they name must have been given out by `POST /v1/producers`.\n\n"
        + "**application/octet-stream**, **text/plain**: the body is one value; key, time and headers of the record are HTTP headers.\n\n"
        + "A body may be gzip-, br-, deflate- or zstd-encoded. 200: all stored. 207: some were not, see each entry. When none was stored, the answer "
        + "is the first record's error, with all `results` in it.\n\n"
        + "The service repeats what it must inside the request, without storing it twice. For a request that you repeat after a time-out or "
        + "an error with `outcome` `unknown`: **Idempotency-Key**, any text of your own. The same request with the same key gets the same answer "
        + "for 24 hours, whatever died meanwhile; another request with it 422; one that is still being made 409. Or a producer of `POST /v1/producers` "
        + "and its sequence numbers, on one partition. Either way the body is one append of at most 16 MiB, also as ndjson, and a malformed line refuses all.";

    private static readonly OperationParameter[] RecordHeaders =
    [
        new("Acks", ParameterPlace.Header, "When to answer, where the body has no place for it.") { Choices = ["all", "1", "0"], Default = "all" },
        new("Record-Key", ParameterPlace.Header, "The key, for octet-stream and text bodies; none: any partition."),
        new("Record-Key-Type", ParameterPlace.Header, "How keys are read; for ndjson the default of all lines.") { Choices = ["string", "json", "binary"], Default = "string" },
        new("Record-Value-Type", ParameterPlace.Header, "How values are read, for ndjson.") { Choices = ["string", "json", "binary"], Default = "json" },
        new("Record-Timestamp", ParameterPlace.Header, "The record's time, for octet-stream and text bodies: RFC 3339 or milliseconds."),
    ];

    private static readonly OperationParameter IdempotencyKey = new(
        IdentityHeaders.IdempotencyKey, ParameterPlace.Header, "Makes a repeat of the request known for 24 hours: up to 255 visible ASCII characters. Needs acks all.");

    private static readonly OperationParameter[] ProducerSequence =
    [
        new(IdentityHeaders.ProducerId, ParameterPlace.Header, "The producer's id, of POST /v1/producers; the three go together.") { IsInteger = true },
        new(IdentityHeaders.ProducerEpoch, ParameterPlace.Header, "Its epoch. An older one than the partition has seen is refused.") { IsInteger = true },
        new(IdentityHeaders.ProducerSequence, ParameterPlace.Header,
            "The sequence number of the first record: that of the partition's last one plus the count of its request, from 0 for each epoch. "
            + "One that is stored already is answered with its offsets; after a gap it is refused.") { IsInteger = true },
    ];

    private static readonly OperationBody[] AllBodies =
    [
        new(MediaTypes.Json, typeof(ProduceRequest), JsonExample),
        new(MediaTypes.Ndjson, null, LinesExample),
        new(MediaTypes.RecordBatch, null),
        new(MediaTypes.Binary, null),
        new(MediaTypes.Text, null, "Goal! 1:0"),
    ];

    private static readonly OperationAnswer[] AllAnswers =
    [
        new(StatusCodes.Status200OK, "All records are stored; one entry per record, in order.",
            new OperationBody(MediaTypes.Json, typeof(ProduceAnswer), ResultExample)),
        new(StatusCodes.Status202Accepted, "Taken with acks 0: nothing is known of the outcome."),
        new(StatusCodes.Status207MultiStatus, "Some records are stored; the entries of the others say why not.",
            new OperationBody(MediaTypes.Json, typeof(ProduceAnswer), MixedExample)),
    ];

    private static readonly StreamErrorCode[] AllErrors =
    [
        StreamErrorCode.InvalidTopicException, StreamErrorCode.UnknownTopicOrPartition, StreamErrorCode.MessageTooLarge,
        StreamErrorCode.RecordListTooLarge, StreamErrorCode.InvalidTimestamp, StreamErrorCode.CorruptMessage,
        StreamErrorCode.UnsupportedForMessageFormat, StreamErrorCode.UnsupportedCompressionType, StreamErrorCode.InvalidRecord,
        StreamErrorCode.ThrottlingQuotaExceeded, StreamErrorCode.NotLeaderOrFollower, StreamErrorCode.KafkaStorageError,
        StreamErrorCode.PartitionOffline, StreamErrorCode.IdempotencyKeyReused, StreamErrorCode.IdempotencyKeyInUse,
        StreamErrorCode.UnknownProducerId, StreamErrorCode.CoordinatorNotAvailable,
    ];

    /// <summary>Produce to a topic.</summary>
    public static readonly Operation Topic = new(
        "produce", Tag, "Append records to a topic", "A record's key chooses its partition, as Kafka's clients do.\n\n" + Bodies)
    {
        Right = OperationRight.OnTopic(AccessOperations.Write),
        Parameters = [TopicOperations.Topic, IdempotencyKey, .. RecordHeaders],
        Offers = [MediaTypes.Json, MediaTypes.Ndjson],
        Bodies = AllBodies,
        Answers = AllAnswers,
        Errors = AllErrors,
    };

    /// <summary>Produce to a partition.</summary>
    public static readonly Operation Partition = new(
        "produceToPartition", Tag, "Append records to one partition",
        "All records go to the partition of the path, in their order. Encoded batches that one append takes get one entry for all: `offset` and `count`.\n\n" + Bodies)
    {
        Right = OperationRight.OnTopic(AccessOperations.Write),
        Parameters =
        [
            TopicOperations.Topic,
            TopicOperations.PartitionNumber,
            new("If-Match", ParameterPlace.Header, "Append only when this, in quotes, is the partition's next offset; else 412."),
            IdempotencyKey,
            .. ProducerSequence,
            .. RecordHeaders,
        ],
        Offers = [MediaTypes.Json, MediaTypes.Ndjson],
        Bodies = AllBodies,
        Answers = AllAnswers,
        Errors =
        [
            .. AllErrors, StreamErrorCode.OffsetConditionFailed, StreamErrorCode.OutOfOrderSequenceNumber,
            StreamErrorCode.DuplicateSequenceNumber, StreamErrorCode.InvalidProducerEpoch,
        ],
    };

    /// <summary>Take a producer.</summary>
    public static readonly Operation Producer = new(
        "takeProducer", Tag, "Take a producer id, or the next epoch of one",
        "For clients that number their records themselves (Kafka's idempotent producer, KIP-98): send `Producer-Id`, `Producer-Epoch` and `Producer-Sequence` "
        + "with each request to a partition, one request of the producer at a time. Repeat a request as often as you like: it is stored once.\n\n"
        + "Without a producer in the body, or with null for both of its fields: a new id. With `producer_id` and `producer_epoch`: the next epoch. From its first batch on a partition refuses the older one. 409 when another "
        + "has raised the epoch before. Send an `Idempotency-Key` with it, to repeat it when its answer is lost: as long as nobody has raised the epoch since, "
        + "the same key gets the same answer. An id that was not raised for 7 days cannot be raised any more; it still produces.")
    {
        Right = OperationRight.OnSomeTopic(AccessOperations.Write),
        Parameters =
        [
            new(IdentityHeaders.IdempotencyKey, ParameterPlace.Header, "Makes a repeat of a raise known: up to 255 visible ASCII characters."),
        ],
        Bodies = [new(MediaTypes.Json, typeof(ProducerRequest), """{"producer_id":null,"producer_epoch":null}""")],
        IsBodyOptional = true,
        Answers = [new(StatusCodes.Status201Created, "The producer.", new OperationBody(
            MediaTypes.Json, typeof(ProducerAnswer), """{"producer_id":1099511627776,"producer_epoch":0}"""))],
        Errors =
        [
            StreamErrorCode.InvalidProducerEpoch, StreamErrorCode.UnknownProducerId, StreamErrorCode.PolicyViolation,
            StreamErrorCode.CoordinatorNotAvailable, StreamErrorCode.IdempotencyKeyReused,
        ],
    };
}
