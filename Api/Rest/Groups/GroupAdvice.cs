using OrleansStream.Errors;
using OrleansStream.Rest.Errors;

namespace OrleansStream.Rest.Groups;

/// <summary>Adds advice to errors of groups for callers of REST, such as the request that sets what is missing.</summary>
internal static class GroupAdvice
{
    /// <summary>Adds the advice that fits an error.</summary>
    /// <param name="error">An error of a poll, or of looking up a group.</param>
    /// <param name="group">The group's name.</param>
    public static StreamError Of(StreamError error, string group) => error switch
    {
        { Code: StreamErrorCode.GroupIdNotFound } => Add(error, "A poll creates it, and so does a PUT."),
        // Without a field the error is about a position in the log, and not about an offset that the caller sent.
        { Code: StreamErrorCode.OffsetOutOfRange, Field: null, LogStartOffset: null } => Add(error, "Set one with PUT offsets or offsets/reset."),
        { Code: StreamErrorCode.OffsetOutOfRange, Field: null } => Add(error, "Set another offset with PUT offsets or offsets/reset."),
        // A record is refused by its index. The list as a whole is refused only when the group has no policy.
        { Code: StreamErrorCode.InvalidRequest, Field: "failed" } => Add(error, $"PUT /v1/groups/{group} gives it one."),
        { Code: StreamErrorCode.OffsetOutOfRange, Field: "cursor" } => Add(error, "Poll without a cursor to go on from the committed offset."),
        { Code: StreamErrorCode.MessageTooLarge or StreamErrorCode.CorruptMessage, Field: "failed" } =>
            Add(error, "To skip it, poll again without reporting it as failed."),
        { Code: StreamErrorCode.RecordsWaitInPlace } => Add(error, "Commit with a poll, by the cursor of its last answer."),
        { Code: StreamErrorCode.UnknownMemberId } => Add(error, "A poll without a cursor joins."),
        { Code: StreamErrorCode.FencedMemberEpoch } => Add(
            error, "A poll without a cursor takes the member's place; a poll with a longer lease_ms, or one with max_records 0 meanwhile, keeps a lease."),
        _ => error,
    };

    /// <summary>The error of a request to begin a redrive, with the advice for it.</summary>
    public static StreamError OfRedrive(StreamError error, string group) => error.Code switch
    {
        StreamErrorCode.InvalidRequest => Add(error, $"PUT /v1/groups/{group} gives it one."),
        StreamErrorCode.PolicyViolation => Add(error, $"DELETE /v1/groups/{group}/dead-letters/redrive stops it."),
        _ => error,
    };

    /// <summary>Awaits a task about a group, and adds the advice to its error.</summary>
    /// <typeparam name="T">The task's result.</typeparam>
    /// <exception cref="RequestException">The task failed.</exception>
    public static Task<T> GiveAsync<T>(Task<T> task, string group) => GiveAsync(task, group, Of);

    /// <inheritdoc cref="GiveAsync{T}(Task{T}, string)"/>
    public static async Task<T> GiveAsync<T>(Task<T> task, string group, Func<StreamError, string, StreamError> advise)
    {
        try
        {
            return await task;
        }
        catch (StreamException exception)
        {
            throw new RequestException(advise(exception.Error, group));
        }
    }

    private static StreamError Add(StreamError error, string advice) => error with { Detail = $"{error.Detail} {advice}" };
}
