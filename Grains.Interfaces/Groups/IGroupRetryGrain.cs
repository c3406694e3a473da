using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups;

/// <summary>
/// Copies records that a group failed to process to the retry topic or to the dead letters. Key: the group's name. Each silo may have several of
/// these grains.
/// </summary>
/// <remarks>
/// The grain keeps no state and makes no decisions. Each copy has an identity that is derived from what it copies. So a lost call is simply repeated,
/// and within the day for which a partition remembers producers a copy is stored only once.
/// </remarks>
[Alias("os.IGroupRetryGrain")]
public interface IGroupRetryGrain : IGrainWithStringKey
{
    /// <summary>
    /// Copies failed records to their retry topic, or, after the last attempt, to the dead letters. Creates these topics. If a dead letter is too
    /// large for the topic that the policy names, it goes to the group's own topic of dead letters.
    /// </summary>
    /// <param name="policy">The group's policy.</param>
    /// <param name="failed">The records. A record that retention has deleted meanwhile is skipped.</param>
    /// <param name="cancellationToken">The caller's deadline; repeating the call is safe.</param>
    /// <returns>
    /// Null once every copy is durable; else the first error, and some copies may be stored. <see cref="StreamErrorCode.CorruptMessage"/> for a
    /// record in a batch that cannot be read, <see cref="StreamErrorCode.MessageTooLarge"/> for a record that is too large for every topic.
    /// </returns>
    [Alias("MoveAsync")]
    Task<StreamError?> MoveAsync(GroupRetryPolicy policy, ImmutableArray<FailedRecord> failed, CancellationToken cancellationToken = default);

    /// <summary>
    /// Takes the next dead letters. Those that match go back to their retry topic, where they are due at once. The others, and those that the retry
    /// topic refuses, go to the end of the dead letters. Records that are not dead letters of the group, or cannot be read, are skipped.
    /// </summary>
    /// <param name="request">The dead letters to take.</param>
    /// <param name="cancellationToken">The caller's deadline; repeating the call is safe.</param>
    [Alias("RedriveAsync")]
    Task<RedriveStepResponse> RedriveAsync(RedriveStep request, CancellationToken cancellationToken = default);
}

/// <summary>A record that a member could not process.</summary>
/// <param name="Topic">The topic's name; it may be a retry topic.</param>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Offset">The offset.</param>
/// <param name="Reason">Why it failed, in the member's words.</param>
/// <param name="Attempt">
/// The number of the failed attempt, if the record itself does not have it. It is 1, except for a record that waited in place.
/// </param>
[GenerateSerializer, Immutable, Alias("os.FailedRecord")]
public sealed record FailedRecord(
    [property: Id(0)] string Topic,
    [property: Id(1)] Guid TopicId,
    [property: Id(2)] int Partition,
    [property: Id(3)] long Offset,
    [property: Id(4)] string Reason,
    [property: Id(5)] int Attempt = 1)
{
    /// <summary>The error for a record that cannot be tried again because its copy is too large for every topic.</summary>
    /// <returns>The error. The poll that gets it has committed nothing.</returns>
    /// <param name="refusal">The refusal by the topic to which the record was to be copied.</param>
    public StreamError TooLarge(StreamError refusal) => new(
        StreamErrorCode.MessageTooLarge,
        $"Offset {Offset} of partition {Partition} of topic '{Topic}' is too large to be tried again: {refusal.Detail}")
    {
        Field = "failed",
    };

    /// <summary>
    /// The error for a record that cannot be tried again because its batch cannot be read, so that there is nothing to copy, and no key to wait for.
    /// </summary>
    /// <returns>The error. The poll that gets it has committed nothing.</returns>
    public StreamError Unreadable() => new(
        StreamErrorCode.CorruptMessage,
        $"Offset {Offset} of partition {Partition} of topic '{Topic}' lies in a batch that cannot be read, so there is no record to try again.")
    {
        Field = "failed",
    };
}

/// <summary>One step of a redrive: the dead letters to take.</summary>
/// <param name="Topic">The topic of the dead letters.</param>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Offset">The offset of the first dead letter to take.</param>
/// <param name="EndOffset">The offset at which to stop, so that dead letters which the redrive itself appends are not taken again.</param>
/// <param name="Filter">Which dead letters go back.</param>
/// <param name="Policy">The group's policy.</param>
[GenerateSerializer, Immutable, Alias("os.RedriveStep")]
public sealed record RedriveStep(
    [property: Id(0)] string Topic,
    [property: Id(1)] Guid TopicId,
    [property: Id(2)] long Offset,
    [property: Id(3)] long EndOffset,
    [property: Id(4)] RedriveFilter Filter,
    [property: Id(5)] GroupRetryPolicy Policy)
{
    /// <summary>True to skip dead letters that cannot be taken now, because they have been tried for long.</summary>
    [Id(6)] public bool GivesUp { get; init; }
}

/// <summary>The result of a step of a redrive.</summary>
/// <param name="Error">Why the dead letter at <paramref name="NextOffset"/> could not be taken now; null when nothing went wrong.</param>
/// <param name="NextOffset">The offset of the first dead letter that is still to be taken.</param>
/// <param name="RedrivenCount">The count of those that went back.</param>
/// <param name="KeptCount">The count of those that stay dead letters.</param>
[GenerateSerializer, Immutable, Alias("os.RedriveStepResponse")]
public readonly record struct RedriveStepResponse(
    [property: Id(0)] StreamError? Error,
    [property: Id(1)] long NextOffset,
    [property: Id(2)] int RedrivenCount,
    [property: Id(3)] int KeptCount)
{
    /// <summary>The count of those that were deleted before the redrive reached them.</summary>
    [Id(4)] public long GoneCount { get; init; }

    /// <summary>Why some did not go back, both kept and deleted ones.</summary>
    [Id(5)] public ImmutableArray<RedriveRefusal> Refusals { get; init; } = [];

    /// <summary>Those of the kept ones that the next redrive must look at again in place, in order.</summary>
    [Id(6)] public ImmutableArray<DeadLetterRange> Left { get; init; } = [];
}

/// <summary>A reason why dead letters did not go back.</summary>
/// <param name="Reason">One of <see cref="RedriveReasons"/>.</param>
/// <param name="Count">The count of dead letters that it kept.</param>
/// <param name="Detail">A sentence about the last of them; null when there is none.</param>
[GenerateSerializer, Immutable, Alias("os.RedriveRefusal")]
public sealed record RedriveRefusal(
    [property: Id(0)] string Reason,
    [property: Id(1)] long Count,
    [property: Id(2)] string? Detail);

/// <summary>Consecutive dead letters.</summary>
/// <param name="Offset">The offset of the first.</param>
/// <param name="EndOffset">The offset behind the last.</param>
[GenerateSerializer, Immutable, Alias("os.DeadLetterRange")]
public readonly record struct DeadLetterRange(
    [property: Id(0)] long Offset,
    [property: Id(1)] long EndOffset);

/// <summary>The reasons why dead letters did not go back, as clients see them.</summary>
public static class RedriveReasons
{
    /// <summary>They do not match the filter.</summary>
    public const string Filter = "filter";

    /// <summary>They are not dead letters of the group: somebody else put them there.</summary>
    public const string Foreign = "foreign";

    /// <summary>They cannot be read.</summary>
    public const string Unreadable = "unreadable";

    /// <summary>They are too large for the retry topic.</summary>
    public const string TooLarge = "too_large";

    /// <summary>The retry topic refused them for another reason that does not end by waiting.</summary>
    public const string Refused = "refused";

    /// <summary>A topic could not be reached for a long time.</summary>
    public const string Unavailable = "unavailable";

    /// <summary>They or their topic were deleted before the redrive reached them.</summary>
    public const string Deleted = "deleted";
}

/// <summary>The filter of a redrive. A null member matches all dead letters.</summary>
/// <param name="Topic">Only those that came from this topic.</param>
/// <param name="Key">Only those with this key, as text.</param>
/// <param name="Reason">Only those whose reason contains this text.</param>
[GenerateSerializer, Immutable, Alias("os.RedriveFilter")]
public sealed record RedriveFilter(
    [property: Id(0)] string? Topic,
    [property: Id(1)] string? Key,
    [property: Id(2)] string? Reason);

/// <summary>The progress of a redrive.</summary>
/// <param name="Filter">Which dead letters go back.</param>
/// <param name="StartedAt">When it was asked for.</param>
/// <param name="EndedAt">When it was done or stopped; null while it runs.</param>
/// <param name="RedrivenCount">The count of those that went back so far.</param>
/// <param name="KeptCount">The count of those that stay dead letters so far.</param>
/// <param name="LeftCount">The count of those that it has still to look at.</param>
[GenerateSerializer, Immutable, Alias("os.RedriveDescription")]
public sealed record RedriveDescription(
    [property: Id(0)] RedriveFilter Filter,
    [property: Id(1)] DateTimeOffset StartedAt,
    [property: Id(2)] DateTimeOffset? EndedAt,
    [property: Id(3)] long RedrivenCount,
    [property: Id(4)] long KeptCount,
    [property: Id(5)] long LeftCount)
{
    /// <summary>The count of those that were deleted before the redrive reached them.</summary>
    [Id(6)] public long GoneCount { get; init; }

    /// <summary>Why some did not go back, both kept and deleted ones.</summary>
    [Id(7)] public ImmutableArray<RedriveRefusal> Refusals { get; init; } = [];
}
