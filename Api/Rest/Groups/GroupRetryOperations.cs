using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Rest.Http;

namespace OrleansStream.Rest.Groups;

/// <summary>What the endpoints of failed records take and give.</summary>
internal static class GroupRetryOperations
{
    private const string Tag = "Retries";
    private const string RedriveExample = """{"state":"running","redriven":256,"kept":0,"gone":0,"left":1200,"not_redriven":[],"started_at":"2026-06-11T19:20:00.000Z"}""";

    /// <summary>Set the policy.</summary>
    public static readonly Operation Put = new(
        "setRetryPolicy", Tag, "Say what becomes of records that fail",
        "A member names the records that it could not work on in `failed` of its next poll. Such a record is copied to the topic `{topic}.{group}.retry` "
        + "and delivered to the group's members again when its wait is over, with `attempt` and `origin`; nothing waits for it meanwhile. After `max_attempts` it is "
        + "copied to `{topic}.{group}.dlq` or to `dead_letter_topic`. The copies have its story in the headers `retry.group`, `retry.attempt`, `retry.due`, `retry.first_failure`, `retry.reason`, "
        + "`retry.topic`, `retry.partition`, `retry.offset` and `retry.timestamp`; such headers of other records are not believed. Both topics are made when they are needed, and read as any other; so that no two groups share them, the group's name has no dot. "
        + "With `\"retry\":\"in_place\"` the order of each key is kept: the later records of a key wait until the failed one is done with or dead; others go on. "
        + "An entry with `error`, a batch that cannot be read, is no record to try again: to name it in `failed` is refused with 400. "
        + "Waits are a list (the last goes for all that follow) or grow by a multiplier; `jitter` makes each longer by up to that part, at random.")
    {
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
        "redriveDeadLetters", Tag, "Take dead letters back",
        "Each dead letter that was there when this was asked for goes back to its retry topic, due at once and with all its attempts before it; only this group sees it. "
        + "With a filter those that do not match go to the end of the dead letters instead; so do those that the retry topic refuses, as its `max.message.bytes` is too small for them. "
        + "What somebody else put there, and what cannot be read, stays where it is. Each is looked at once, and `not_redriven` tells why some stay. "
        + "It runs in the background, goes on after a crash, takes none twice, and ends: what does not answer for five minutes is left, and the next redrive looks at it first. "
        + "Asking again while it runs shows how far it is; so does GET. DELETE stops it.")
    {
        Parameters = [GroupOperations.Group],
        Bodies = [new(MediaTypes.Json, typeof(RedriveRequest), """{"reason":"timeout"}""")],
        Answers = [new(StatusCodes.Status202Accepted, "How far it is.", new OperationBody(MediaTypes.Json, typeof(RedriveAnswer), RedriveExample))],
        Errors =
        [
            StreamErrorCode.PolicyViolation, StreamErrorCode.NotLeaderOrFollower, StreamErrorCode.CoordinatorNotAvailable,
            StreamErrorCode.CoordinatorLoadInProgress,
        ],
    };

    /// <summary>Stop a redrive.</summary>
    public static readonly Operation StopRedrive = new(
        "stopRedrive", Tag, "Stop a redrive",
        "What it has not looked at stays where it is, and the next redrive begins with it. What it has already taken is back; a step that is under way is counted when it ends. "
        + "Without one that runs nothing changes.")
    {
        Parameters = [GroupOperations.Group],
        Answers = [new(StatusCodes.Status200OK, "How far it came.", new OperationBody(MediaTypes.Json, typeof(RedriveAnswer),
            """{"state":"stopped","redriven":256,"kept":0,"gone":0,"left":1200,"not_redriven":[],"started_at":"2026-06-11T19:20:00.000Z","ended_at":"2026-06-11T19:20:03.000Z"}"""))],
        Errors = [StreamErrorCode.CoordinatorNotAvailable],
    };

    /// <summary>Read a redrive.</summary>
    public static readonly Operation GetRedrive = new(
        "getRedrive", Tag, "How far a redrive is",
        "The last one that was asked for: `running`, `done` with all that it was to look at, or `stopped` before that. `redriven`, `kept` and `gone` are all that it has looked at.")
    {
        Parameters = [GroupOperations.Group],
        Answers = [new(StatusCodes.Status200OK, "How far it is.", new OperationBody(MediaTypes.Json, typeof(RedriveAnswer), RedriveExample))],
        Errors = [StreamErrorCode.CoordinatorNotAvailable],
    };
}
