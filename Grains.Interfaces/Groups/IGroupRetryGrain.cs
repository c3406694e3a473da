using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups;

/// <summary>Copies records that a group failed to work on, to where they wait or end. Key: the group's name. One or more on every silo.</summary>
/// <remarks>
/// It keeps nothing and decides nothing by itself, and each copy has an identity that follows from what it is a copy of. So a call
/// that was lost is simply repeated, within the day that a partition remembers producers for: a copy is stored once.
/// </remarks>
[Alias("os.IGroupRetryGrain")]
public interface IGroupRetryGrain : IGrainWithStringKey
{
    /// <summary>
    /// Copies failed records to their retry topic, or after the last attempt to the dead letters. Makes these topics. A dead letter that
    /// the topic which the policy names has no room for goes to the one that the group makes.
    /// </summary>
    /// <param name="policy">The group's policy.</param>
    /// <param name="failed">The records. One that retention has deleted meanwhile is passed over.</param>
    /// <param name="cancellationToken">The caller's deadline; repeating the call is safe.</param>
    /// <returns>
    /// Null once every copy is durable; else the first error, and some copies may be stored. <see cref="StreamErrorCode.CorruptMessage"/>
    /// for one that lies in a batch that cannot be read, <see cref="StreamErrorCode.MessageTooLarge"/> for one that no topic takes.
    /// </returns>
    [Alias("MoveAsync")]
    Task<StreamError?> MoveAsync(GroupRetryPolicy policy, ImmutableArray<FailedRecord> failed, CancellationToken cancellationToken = default);

    /// <summary>
    /// Takes the next dead letters: those that match go back to their retry topic, due at once; the others, and those that the retry topic
    /// refuses, to the end of the dead letters. What is no dead letter of the group, and what cannot be read, is passed over.
    /// </summary>
    /// <param name="request">Which.</param>
    /// <param name="cancellationToken">The caller's deadline; repeating the call is safe.</param>
    [Alias("RedriveAsync")]
    Task<RedriveStepResponse> RedriveAsync(RedriveStep request, CancellationToken cancellationToken = default);
}

/// <summary>A record that a member could not work on.</summary>
/// <param name="Topic">The topic's name; it may be a retry topic.</param>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Offset">The offset.</param>
/// <param name="Reason">Why, in the member's words.</param>
/// <param name="Attempt">Which attempt it was, where the record itself does not tell: 1 but for one that waited in place.</param>
[GenerateSerializer, Immutable, Alias("os.FailedRecord")]
public sealed record FailedRecord(
    [property: Id(0)] string Topic,
    [property: Id(1)] Guid TopicId,
    [property: Id(2)] int Partition,
    [property: Id(3)] long Offset,
    [property: Id(4)] string Reason,
    [property: Id(5)] int Attempt = 1)
{
    /// <summary>Why it cannot be tried again: no topic takes its copy.</summary>
    /// <returns>The error; the poll that is told it has committed nothing.</returns>
    /// <param name="refusal">What the topic said that it was to be copied to.</param>
    public StreamError TooLarge(StreamError refusal) => new(
        StreamErrorCode.MessageTooLarge,
        $"Offset {Offset} of partition {Partition} of topic '{Topic}' is too large to be tried again: {refusal.Detail} Poll again without it to go on behind it.")
    {
        Field = "failed",
    };

    /// <summary>Why it cannot be tried again: it lies in a batch that cannot be read, so there is nothing to copy, and no key to wait for.</summary>
    /// <returns>The error; the poll that is told it has committed nothing.</returns>
    public StreamError Unreadable() => new(
        StreamErrorCode.CorruptMessage,
        $"Offset {Offset} of partition {Partition} of topic '{Topic}' lies in a batch that cannot be read: there is no record to try again. "
        + "Poll again without it to go on behind it.")
    {
        Field = "failed",
    };
}

/// <summary>Some dead letters to be taken.</summary>
/// <param name="Topic">The topic of the dead letters.</param>
/// <param name="TopicId">Its id.</param>
/// <param name="Offset">The first to take.</param>
/// <param name="EndOffset">Where to stop: what the redrive itself puts behind it is not taken again.</param>
/// <param name="Filter">Which ones go back.</param>
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
    /// <summary>True to pass over what cannot be taken just now: it has been tried for long.</summary>
    [Id(6)] public bool GivesUp { get; init; }
}

/// <summary>What a step of a redrive did.</summary>
/// <param name="Error">Why the dead letter at <paramref name="NextOffset"/> could not be taken just now; null when there was no trouble.</param>
/// <param name="NextOffset">The first dead letter that is still to be taken.</param>
/// <param name="RedrivenCount">How many went back.</param>
/// <param name="KeptCount">How many stay dead letters.</param>
[GenerateSerializer, Immutable, Alias("os.RedriveStepResponse")]
public readonly record struct RedriveStepResponse(
    [property: Id(0)] StreamError? Error,
    [property: Id(1)] long NextOffset,
    [property: Id(2)] int RedrivenCount,
    [property: Id(3)] int KeptCount)
{
    /// <summary>How many had been deleted before they were looked at.</summary>
    [Id(4)] public long GoneCount { get; init; }

    /// <summary>Why some did not go back: of those that were kept and those that are gone.</summary>
    [Id(5)] public ImmutableArray<RedriveRefusal> Refusals { get; init; } = [];

    /// <summary>Those of the kept ones that are to be looked at again where they are, in order.</summary>
    [Id(6)] public ImmutableArray<DeadLetterRange> Left { get; init; } = [];
}

/// <summary>Why dead letters did not go back.</summary>
/// <param name="Reason">One of <see cref="RedriveReasons"/>.</param>
/// <param name="Count">How many.</param>
/// <param name="Detail">What was said of the last of them; null for nothing.</param>
[GenerateSerializer, Immutable, Alias("os.RedriveRefusal")]
public sealed record RedriveRefusal(
    [property: Id(0)] string Reason,
    [property: Id(1)] long Count,
    [property: Id(2)] string? Detail);

/// <summary>Some dead letters in a row.</summary>
/// <param name="Offset">The first.</param>
/// <param name="EndOffset">Behind the last.</param>
[GenerateSerializer, Immutable, Alias("os.DeadLetterRange")]
public readonly record struct DeadLetterRange(
    [property: Id(0)] long Offset,
    [property: Id(1)] long EndOffset);

/// <summary>Why dead letters did not go back, as clients are told.</summary>
public static class RedriveReasons
{
    /// <summary>They do not match the filter.</summary>
    public const string Filter = "filter";

    /// <summary>They are no dead letters of the group: somebody else put them there.</summary>
    public const string Foreign = "foreign";

    /// <summary>They cannot be read.</summary>
    public const string Unreadable = "unreadable";

    /// <summary>The retry topic takes smaller records only.</summary>
    public const string TooLarge = "too_large";

    /// <summary>The retry topic refused them for another reason that waiting does not end.</summary>
    public const string Refused = "refused";

    /// <summary>A topic could not be reached for long.</summary>
    public const string Unavailable = "unavailable";

    /// <summary>They were deleted before they were looked at, or their topic was.</summary>
    public const string Deleted = "deleted";
}

/// <summary>Which dead letters go back; what is null lets all pass.</summary>
/// <param name="Topic">Only those that came from this topic.</param>
/// <param name="Key">Only those with this key, as text.</param>
/// <param name="Reason">Only those whose reason contains this.</param>
[GenerateSerializer, Immutable, Alias("os.RedriveFilter")]
public sealed record RedriveFilter(
    [property: Id(0)] string? Topic,
    [property: Id(1)] string? Key,
    [property: Id(2)] string? Reason);

/// <summary>How far a redrive is.</summary>
/// <param name="Filter">Which dead letters go back.</param>
/// <param name="StartedAt">When it was asked for.</param>
/// <param name="EndedAt">When it was done or stopped; null while it runs.</param>
/// <param name="RedrivenCount">How many went back so far.</param>
/// <param name="KeptCount">How many stay dead letters so far.</param>
/// <param name="LeftCount">How many are still to be looked at.</param>
[GenerateSerializer, Immutable, Alias("os.RedriveDescription")]
public sealed record RedriveDescription(
    [property: Id(0)] RedriveFilter Filter,
    [property: Id(1)] DateTimeOffset StartedAt,
    [property: Id(2)] DateTimeOffset? EndedAt,
    [property: Id(3)] long RedrivenCount,
    [property: Id(4)] long KeptCount,
    [property: Id(5)] long LeftCount)
{
    /// <summary>How many were deleted before they were looked at.</summary>
    [Id(6)] public long GoneCount { get; init; }

    /// <summary>Why some did not go back: of those that were kept and those that are gone.</summary>
    [Id(7)] public ImmutableArray<RedriveRefusal> Refusals { get; init; } = [];
}
