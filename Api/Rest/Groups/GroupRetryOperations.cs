using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Security;

namespace OrleansStream.Rest.Groups;

/// <summary>Describes the endpoints for failed records.</summary>
internal static class GroupRetryOperations
{
    private const string Tag = "Retries";
    private const string RedriveExample = """{"state":"running","redriven":256,"kept":0,"gone":0,"left":1200,"not_redriven":[],"started_at":"2026-06-11T19:20:00.000Z"}""";

    /// <summary>Set the policy.</summary>
    public static readonly Operation Put = new(
        "setRetryPolicy", Tag, "Set the policy for records that fail",
        "A member names the records that it could not process in `failed` of its next poll. Such a record is copied to the topic `{topic}.{group}.retry` "
        + "and delivered to the group's members again when its wait is over, with `attempt` and `origin`; other records do not wait for it. After `max_attempts` attempts it is "
        + "copied to `{topic}.{group}.dlq` or to `dead_letter_topic`. The copies have its history in the headers `retry.group`, `retry.attempt`, `retry.due`, `retry.first_failure`, `retry.reason`, "
        + "`retry.topic`, `retry.partition`, `retry.offset` and `retry.timestamp`; such headers of other records do not count. Both topics are created when they are needed, and can be read like any other. The group's name must have no dot, so that no two groups share these topics. "
        + "With `\"retry\":\"in_place\"` the order of each key is kept: the later records of a key wait until the failed one is processed or a dead letter; records of other keys go on. "
        + "An entry with `error` stands for a batch that cannot be read, so it cannot be tried again: naming it in `failed` is refused with 400. "
        + "Waits are a list (the last one is used for all that follow) or grow by a multiplier; `jitter` makes each wait longer at random, by up to that fraction.")
    {
        Right = OperationRight.OnGroup(AccessOperations.Manage),
        Parameters = [GroupOperations.Group],
        Bodies = [new(MediaTypes.Json, typeof(RetryPolicyRequest), """{"max_attempts":4,"backoff_ms":[1000,10000,60000]}""")],
        Answers =
        [
            new(StatusCodes.Status200OK, "The policy as it is now.", new OperationBody(MediaTypes.Json, typeof(RetryPolicyAnswer),
                """{"retry":"topic","max_attempts":4,"backoff_ms":[1000,10000,60000],"jitter":0}""")),
        ],
        Errors = [StreamErrorCode.InvalidTopicException, StreamErrorCode.PolicyViolation, StreamErrorCode.CoordinatorNotAvailable],
    };

    /// <summary>Begin a redrive.</summary>
    public static readonly Operation Redrive = new(
        "redriveDeadLetters", Tag, "Send dead letters back",
        "Each dead letter that exists at the time of the request goes back to its retry topic. It is due at once, has all its attempts again, and only this group sees it. "
        + "With a filter, those that do not match go to the end of the dead letters instead. So do those that the retry topic refuses because its `max.message.bytes` is too small for them. "
        + "Records that somebody else put there, and those that cannot be read, stay where they are. Each is looked at once, and `not_redriven` tells why some stay. "
        + "The redrive runs in the background, goes on after a crash, and takes none twice. It always ends: dead letters whose topic does not answer for five minutes are left, and the next redrive looks at them first. "
        + "Asking again while it runs returns its progress; so does GET. DELETE stops it.")
    {
        Right = OperationRight.OnGroup(AccessOperations.Manage),
        Parameters = [GroupOperations.Group],
        Bodies = [new(MediaTypes.Json, typeof(RedriveRequest), """{"reason":"timeout"}""")],
        Answers = [new(StatusCodes.Status202Accepted, "Its progress.", new OperationBody(MediaTypes.Json, typeof(RedriveAnswer), RedriveExample))],
        Errors =
        [
            StreamErrorCode.PolicyViolation, StreamErrorCode.NotLeaderOrFollower, StreamErrorCode.CoordinatorNotAvailable,
            StreamErrorCode.CoordinatorLoadInProgress,
        ],
    };

    /// <summary>Stop a redrive.</summary>
    public static readonly Operation StopRedrive = new(
        "stopRedrive", Tag, "Stop a redrive",
        "Dead letters that it has not looked at stay where they are, and the next redrive begins with them. Those that it has already taken are back in their retry topics. A step that is under way is counted when it ends. "
        + "If no redrive runs, nothing changes.")
    {
        Right = OperationRight.OnGroup(AccessOperations.Manage),
        Parameters = [GroupOperations.Group],
        Answers = [new(StatusCodes.Status200OK, "Its progress.", new OperationBody(MediaTypes.Json, typeof(RedriveAnswer),
            """{"state":"stopped","redriven":256,"kept":0,"gone":0,"left":1200,"not_redriven":[],"started_at":"2026-06-11T19:20:00.000Z","ended_at":"2026-06-11T19:20:03.000Z"}"""))],
        Errors = [StreamErrorCode.CoordinatorNotAvailable],
    };

    /// <summary>Read a redrive.</summary>
    public static readonly Operation GetRedrive = new(
        "getRedrive", Tag, "Read a redrive's progress",
        "The state of the last redrive: `running`, `done` with all dead letters that it had to look at, or `stopped` before that. `redriven`, `kept` and `gone` count all that it has looked at.")
    {
        Right = OperationRight.OnGroup(AccessOperations.Describe),
        Parameters = [GroupOperations.Group],
        Answers = [new(StatusCodes.Status200OK, "Its progress.", new OperationBody(MediaTypes.Json, typeof(RedriveAnswer), RedriveExample))],
        Errors = [StreamErrorCode.CoordinatorNotAvailable],
    };
}
