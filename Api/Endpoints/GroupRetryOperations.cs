using OrleansStream.Api.Contracts;
using OrleansStream.Api.Mapping;
using OrleansStream.Errors;

namespace OrleansStream.Api.Endpoints;

/// <summary>What the endpoints of failed records take and give.</summary>
internal static class GroupRetryOperations
{
    private const string RedriveExample = """{"state":"running","redriven":256,"kept":0,"left":1200,"started_at":"2026-06-11T19:20:00.000Z"}""";

    /// <summary>Set the policy.</summary>
    public static readonly Operation Put = new(
        "PutGroup", GroupOperations.Tag, "Say what becomes of records that fail",
        "A member names the records that it could not work on in `failed` of its next poll. Such a record is copied to the topic `{topic}.{group}.retry` "
        + "and delivered to the group's members again when its wait is over, with `attempt` and `origin`; nothing waits for it meanwhile. After `max_attempts` it is "
        + "copied to `{topic}.{group}.dlq` or to `dead_letter_topic`, with its story in headers `retry.…`. Both topics are made when they are needed, and read as any other; so that no two groups share them, the group's name has no dot. "
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
        "RedriveDeadLetters", GroupOperations.Tag, "Take dead letters back",
        "Each dead letter that was there when this was asked for goes back to its retry topic, due at once and with all its attempts before it; only this group sees it. "
        + "With a filter those that do not match go to the end of the dead letters instead. It runs in the background, goes on after a crash, and takes none twice. "
        + "Asking again while it runs shows how far it is; so does GET.")
    {
        Parameters = [GroupOperations.Group],
        Bodies = [new(MediaTypes.Json, typeof(RedriveRequest), """{"reason":"timeout"}""")],
        Answers = [new(StatusCodes.Status202Accepted, "How far it is.", new OperationBody(MediaTypes.Json, typeof(RedriveAnswer), RedriveExample))],
        Errors = [StreamErrorCode.PolicyViolation, StreamErrorCode.NotLeaderOrFollower, StreamErrorCode.CoordinatorNotAvailable],
    };

    /// <summary>Read a redrive.</summary>
    public static readonly Operation GetRedrive = new(
        "GetRedrive", GroupOperations.Tag, "How far a redrive is", "The last one that was asked for.")
    {
        Parameters = [GroupOperations.Group],
        Answers = [new(StatusCodes.Status200OK, "How far it is.", new OperationBody(MediaTypes.Json, typeof(RedriveAnswer), RedriveExample))],
        Errors = [StreamErrorCode.CoordinatorNotAvailable],
    };
}
