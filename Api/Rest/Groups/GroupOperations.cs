using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Groups;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Topics;
using OrleansStream.Security;

namespace OrleansStream.Rest.Groups;

/// <summary>Describes the endpoints of groups and their members.</summary>
internal static class GroupOperations
{
    /// <summary>The name in every path of a group.</summary>
    public static readonly OperationParameter Group = new(
        "group", ParameterPlace.Path, "The group's name: 1 to 249 characters of a-z, A-Z, 0-9, '.', '_' and '-'.", "scoreboard");

    /// <summary>The same, for operations whose example needs a group without members.</summary>
    public static readonly OperationParameter GroupWithoutMembers = Group with { Example = "replay" };

    /// <summary>The tag of the operations of members and offsets.</summary>
    public const string Tag = "Groups";

    /// <summary>The errors with which a member may be refused.</summary>
    public static readonly StreamErrorCode[] MemberErrors =
    [
        StreamErrorCode.StaleMemberEpoch, StreamErrorCode.FencedMemberEpoch, StreamErrorCode.UnknownMemberId,
        StreamErrorCode.CoordinatorNotAvailable, StreamErrorCode.PolicyViolation, StreamErrorCode.InconsistentGroupProtocol,
    ];

    private const string AnswerExample =
        """{"member_epoch":2,"lease_expires_at":"2026-06-11T19:20:30.000Z","assignment":[{"topic":"matches","partitions":[0,2]}],"records":[{"topic":"matches","partition":0,"offset":17,"timestamp":"2026-06-11T19:20:00.000Z","key":"argentina-brazil","key_type":"string","value":{"event":"goal","minute":80},"value_type":"json","headers":[]}],"cursor":"AQ…","lag":12}""";

    private static readonly OperationParameter Member = new(
        "member", ParameterPlace.Path, "The member's id, which it chooses itself. A member that comes back with its id within its lease keeps its partitions.", "anna");

    /// <summary>Poll.</summary>
    public static readonly Operation Poll = new(
        "pollGroup", Tag, "Join, renew, commit and read, in one call",
        "The members of a group share the partitions of its topics. Each poll renews the member's lease, commits, with the cursor, the records of "
        + "its last answer, and reads on. Send the cursor back when the records are processed. Records that were not are delivered again, to "
        + "this member or to the one that takes over. A poll without a cursor says that the process has just started. Of two processes with one id "
        + "the one that started last goes on. 409: the member missed something; the answer has its partitions and a cursor to go on with. "
        + "`max_records` 0 is a heartbeat for long work: it renews and commits, and moves no partitions. "
        + "A batch that cannot be read is one entry with `error`, `offset` and `last_offset`; the next poll goes on behind it. "
        + "`Accept: multipart/mixed` gives the same answer in parts, in the order of its records, for clients that want many records a second. A part of type "
        + "`application/vnd.kafka.recordbatch.v2` has plain records of one partition, which its headers `Topic` and `Partition` name, as record batches. A part "
        + "of type `application/json` has `records` of which more is told: an `attempt`, an `origin`, an `error`; and long ones. The last part is JSON and has the "
        + "other fields, too. An answer without it was cut off. "
        + "With `Accept: text/event-stream` the same answers come as a stream of events with the cursor as `id`; commit with PUT offsets. The stream ends "
        + "with an event `rebalance` when partitions must move. Then poll again with the cursor of the last answer that was processed.")
    {
        Right = OperationRight.OnGroup(AccessOperations.Read),
        Parameters = [Group, Member],
        Bodies = [new(MediaTypes.Json, typeof(PollRequest), """{"topics":["matches"],"wait_ms":1000,"lease_ms":300000}""")],
        Offers = [MediaTypes.Json, MediaTypes.Multipart, MediaTypes.EventStream],
        Answers =
        [
            new(StatusCodes.Status200OK, "The records, the member's partitions and the next cursor.",
                new OperationBody(MediaTypes.Json, typeof(PollAnswer), AnswerExample),
                new OperationBody(MediaTypes.Multipart, null),
                new OperationBody(MediaTypes.EventStream, null, $"data: {AnswerExample}\nid: AQ…\n\n")),
        ],
        Errors =
        [
            StreamErrorCode.InvalidTopicException, StreamErrorCode.OffsetOutOfRange, StreamErrorCode.ShuttingDown,
            StreamErrorCode.OffsetMetadataTooLarge, .. MemberErrors,
        ],
    };

    /// <summary>Leave.</summary>
    public static readonly Operation Leave = new(
        "leaveGroup", Tag, "Leave a group", "The member's partitions go to the others at once instead of at the end of its lease. "
        + "409 `UNKNOWN_MEMBER_ID` to a repeat of a request that had no answer means that the member has left.")
    {
        Right = OperationRight.OnGroup(AccessOperations.Read),
        Parameters =
        [
            Group, Member,
            new("member_epoch", ParameterPlace.Query, "Leave only if this is the member's epoch, so that a replaced process cannot remove its successor.") { IsInteger = true },
        ],
        Answers = [new(StatusCodes.Status204NoContent, "Left.")],
        Errors = MemberErrors,
    };

    /// <summary>List groups.</summary>
    public static readonly Operation List = new("listGroups", Tag, "List groups", "In order of their names, page by page.")
    {
        Right = OperationRight.List(ResourceKind.Group),
        Parameters =
        [
            new("limit", ParameterPlace.Query, $"Groups on the page, 1 to {GroupLimits.CatalogPageMax}.") { IsInteger = true, Default = $"{GroupRequestLimits.GroupPageDefault}" },
            new("after", ParameterPlace.Query, "Only names after this one: the next_after of the previous page."),
            new("prefix", ParameterPlace.Query, "Only names that start with this."),
        ],
        Answers =
        [
            new(StatusCodes.Status200OK, "A page.", new OperationBody(MediaTypes.Json, typeof(GroupListAnswer),
                """{"groups":[{"group":"scoreboard","created_at":"2026-06-11T18:00:00.000Z"}]}""")),
        ],
    };

    /// <summary>Describe a group.</summary>
    public static readonly Operation Get = new(
        "getGroup", Tag, "Read a group", "Its members, their leases, and which member has which partition.")
    {
        Right = OperationRight.OnGroup(AccessOperations.Describe),
        Parameters = [Group],
        Answers =
        [
            new(StatusCodes.Status200OK, "The group.", new OperationBody(MediaTypes.Json, typeof(GroupAnswer),
                """{"group":"scoreboard","state":"stable","group_epoch":2,"assignor":"sticky","members":[{"member":"anna","member_epoch":2,"topics":["matches"],"lease_expires_at":"2026-06-11T19:20:30.000Z","assignment":[{"topic":"matches","partitions":[0,1,2]}]}]}""")),
        ],
        Errors = [StreamErrorCode.GroupIdNotFound, StreamErrorCode.CoordinatorNotAvailable],
    };

    /// <summary>Delete a group.</summary>
    public static readonly Operation Delete = new(
        "deleteGroup", TopicOperations.DeletionTag, "Delete a group", "Its offsets, and the records that wait for another attempt, are deleted too. Its dead letters stay. Its members must leave first, or their leases must end. "
        + "404 to a repeat of a request that had no answer means that the group is deleted.")
    {
        Right = OperationRight.OnGroup(AccessOperations.Manage),
        Parameters = [GroupWithoutMembers],
        Answers = [new(StatusCodes.Status204NoContent, "Deleted.")],
        Errors = [StreamErrorCode.GroupIdNotFound, StreamErrorCode.NonEmptyGroup, StreamErrorCode.CoordinatorNotAvailable],
    };
}

/// <summary>Describes the endpoints of a group's offsets.</summary>
internal static class GroupOffsetOperations
{
    private const string OffsetsExample =
        """{"offsets":[{"topic":"matches","partition":0,"offset":1,"metadata":"","committed_at":"2026-06-11T19:20:00.000Z"}]}""";

    private static readonly OperationAnswer Offsets = new(
        StatusCodes.Status200OK, "The committed offsets.", new OperationBody(MediaTypes.Json, typeof(OffsetListAnswer), OffsetsExample));

    /// <summary>Read offsets.</summary>
    public static readonly Operation Get = new(
        "getOffsets", GroupOperations.Tag, "Read committed offsets",
        "For each partition the next offset to read. Offsets of a group without members are forgotten after 7 days; those of a deleted topic at once.")
    {
        Right = OperationRight.OnGroup(AccessOperations.Describe),
        Parameters = [GroupOperations.GroupWithoutMembers, new("topic", ParameterPlace.Query, "Only this topic's.")],
        Answers = [Offsets],
        Errors = [StreamErrorCode.GroupIdNotFound, StreamErrorCode.CoordinatorNotAvailable],
    };

    /// <summary>Commit or set offsets.</summary>
    public static readonly Operation Put = new(
        "commitOffsets", GroupOperations.Tag, "Commit or set offsets",
        "With `member` and its `member_epoch` (or its `cursor`) it commits offsets of that member's partitions. They only go forward: a lower offset "
        + "changes nothing. Without `member` it sets the offsets of a group that has no members, also back; the example does so for a group `replay`. All offsets are kept, or none. The answer has the offsets that are committed now. "
        + "An offset beyond the end of its log is refused. In a group whose records wait in place (`retry` is `in_place`), offsets alone do not say which "
        + "others were passed over for them. There, offsets with `member_epoch` that go forward are refused with 409 `RECORDS_WAIT_IN_PLACE`, and a "
        + "`cursor` whose answer had or passed over records that wait is refused with 400. A poll with its cursor commits them.")
    {
        Right = OperationRight.OnGroup(AccessOperations.Manage, orElse: AccessOperations.Read),
        Parameters = [GroupOperations.GroupWithoutMembers],
        Bodies = [new(MediaTypes.Json, typeof(OffsetsPutRequest), """{"offsets":[{"topic":"matches","partition":0,"offset":0,"metadata":"from the start"}]}""")],
        Answers = [Offsets],
        Errors =
        [
            StreamErrorCode.UnknownTopicOrPartition, StreamErrorCode.InvalidTopicException, StreamErrorCode.OffsetMetadataTooLarge,
            StreamErrorCode.OffsetOutOfRange, StreamErrorCode.NonEmptyGroup, StreamErrorCode.GroupIdNotFound, StreamErrorCode.NotLeaderOrFollower,
            StreamErrorCode.RecordsWaitInPlace, .. GroupOperations.MemberErrors,
        ],
    };

    /// <summary>Reset offsets.</summary>
    public static readonly Operation Reset = new(
        "resetOffsets", GroupOperations.Tag, "Reset offsets",
        "Resets to the earliest or latest record, a time, an offset, or by a count of records forward or back, within the log's bounds. The group must "
        + "have no members, except for a `dry_run`, which only reports what would be set.")
    {
        Right = OperationRight.OnGroup(AccessOperations.Manage),
        Parameters = [GroupOperations.GroupWithoutMembers],
        Bodies = [new(MediaTypes.Json, typeof(OffsetsResetRequest), """{"topics":["matches"],"to":"earliest","dry_run":true}""")],
        Answers =
        [
            new(StatusCodes.Status200OK, "What was set, or would be.", new OperationBody(MediaTypes.Json, typeof(OffsetsResetAnswer),
                """{"dry_run":true,"offsets":[{"topic":"matches","partition":0,"from":17,"to":0}]}""")),
        ],
        Errors =
        [
            StreamErrorCode.UnknownTopicOrPartition, StreamErrorCode.InvalidTopicException, StreamErrorCode.NonEmptyGroup,
            StreamErrorCode.GroupIdNotFound, StreamErrorCode.NotLeaderOrFollower, StreamErrorCode.PolicyViolation,
            StreamErrorCode.CoordinatorNotAvailable,
        ],
    };

    /// <summary>Measure lag.</summary>
    public static readonly Operation Lag = new(
        "getLag", GroupOperations.Tag, "Measure a group's lag",
        "For each partition the count of records that are not committed, and the age of the oldest of them by its timestamp.")
    {
        Right = OperationRight.OnGroup(AccessOperations.Describe),
        Parameters = [GroupOperations.Group],
        Answers =
        [
            new(StatusCodes.Status200OK, "The lag.", new OperationBody(MediaTypes.Json, typeof(LagAnswer),
                """{"lag":12,"lag_seconds":3.5,"partitions":[{"topic":"matches","partition":0,"member":"anna","committed_offset":1196,"high_watermark":1208,"lag":12,"lag_seconds":3.5}]}""")),
        ],
        Errors = [StreamErrorCode.GroupIdNotFound, StreamErrorCode.CoordinatorNotAvailable],
    };
}
