using OrleansStream.Errors;
using OrleansStream.Rest.Errors;

namespace OrleansStream.Rest.Groups;

/// <summary>What a caller of REST can do about errors of groups: which request sets what is missing.</summary>
internal static class GroupAdvice
{
    /// <summary>An error with the advice that goes with it.</summary>
    /// <param name="error">An error of a poll, or of looking for a group.</param>
    /// <param name="group">The group.</param>
    public static StreamError Of(StreamError error, string group) => error switch
    {
        { Code: StreamErrorCode.GroupIdNotFound } => Add(error, "A poll makes one, and so does a PUT."),
        // Of a place in the log no field is at fault; an offset that a caller sends comes in one.
        { Code: StreamErrorCode.OffsetOutOfRange, Field: null, LogStartOffset: null } => Add(error, "Set one with PUT offsets or offsets/reset."),
        { Code: StreamErrorCode.OffsetOutOfRange, Field: null } => Add(error, "Set another offset with PUT offsets or offsets/reset."),
        // Records are refused by their index. The list as a whole is only refused for want of a policy.
        { Code: StreamErrorCode.InvalidRequest, Field: "failed" } => Add(error, $"PUT /v1/groups/{group} gives it one."),
        { Code: StreamErrorCode.UnknownMemberId } => Add(error, "A poll without a cursor joins."),
        { Code: StreamErrorCode.FencedMemberEpoch } => Add(
            error, "A poll without a cursor takes the member's place; a poll with a longer lease_ms, or one with max_records 0 meanwhile, keeps a lease."),
        _ => error,
    };

    /// <summary>Waits for what needs a group, and gives advice when there is none.</summary>
    /// <typeparam name="T">What is waited for.</typeparam>
    /// <param name="task">The task.</param>
    /// <param name="group">The group.</param>
    /// <exception cref="RequestException">It failed.</exception>
    public static async Task<T> GiveAsync<T>(Task<T> task, string group)
    {
        try
        {
            return await task;
        }
        catch (StreamException exception)
        {
            throw new RequestException(Of(exception.Error, group));
        }
    }

    private static StreamError Add(StreamError error, string advice) => error with { Detail = $"{error.Detail} {advice}" };
}
