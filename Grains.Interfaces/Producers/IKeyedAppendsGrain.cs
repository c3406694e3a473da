using System.Collections.Immutable;
using Orleans.Concurrency;
using OrleansStream.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Producers;

/// <summary>Remembers the appends that clients gave a key, for one share of a topic's keys. Key: <see cref="KeyOf"/>.</summary>
/// <remarks>
/// What is needed to repeat an append is durable before the append begins: its producer id and epoch, and the topic by which it is partitioned. So
/// if its runner dies, the next caller with the key can repeat the append, and the partitions recognize what they have stored already.
/// </remarks>
[Alias("os.IKeyedAppendsGrain")]
public interface IKeyedAppendsGrain : IGrainWithStringKey
{
    /// <summary>The key of the grain that remembers a key.</summary>
    /// <param name="topicId">The topic's id.</param>
    /// <param name="keyHash">The hash of the client's key.</param>
    static string KeyOf(Guid topicId, ReadOnlySpan<byte> keyHash) => $"{topicId:N}/{keyHash[0] % KeyedAppendLimits.SharesPerTopic}";

    /// <summary>Begins an append, takes over one whose runner left it, or finds the result of a finished one.</summary>
    /// <param name="request">The append.</param>
    /// <returns>
    /// The identity to append under, with the stored parts if the append is over. Or <see cref="StreamErrorCode.IdempotencyKeyReused"/>,
    /// <see cref="StreamErrorCode.IdempotencyKeyInUse"/>, or the error of a limit that is reached.
    /// </returns>
    /// <exception cref="StreamException">The append could not be stored; try again.</exception>
    [Alias("BeginAsync"), AlwaysInterleave]
    Task<KeyedAppendResponse> BeginAsync(KeyedAppendRequest request);

    /// <summary>Ends an append. If another runner has begun it meanwhile, nothing changes.</summary>
    /// <param name="key">The hash of the client's key.</param>
    /// <param name="runner">The runner that began it.</param>
    /// <param name="outcome">How it ended.</param>
    /// <param name="parts">The outcome of each part, if the append is done.</param>
    /// <exception cref="StreamException">The end could not be stored. The next caller with the key repeats the append.</exception>
    [Alias("EndAsync"), AlwaysInterleave]
    Task EndAsync(string key, Guid runner, KeyedOutcome outcome, ImmutableArray<StoredPart> parts);
}

/// <summary>How an append by key ended.</summary>
public enum KeyedOutcome
{
    /// <summary>Each record is stored or finally refused. Every repeat gets the same answer.</summary>
    Done,

    /// <summary>Nothing was stored: the key is free.</summary>
    Nothing,

    /// <summary>Some records may be stored, but not all. The next caller with the key repeats the append.</summary>
    Open,
}

/// <summary>A request to append under a key.</summary>
/// <param name="Key">The hash of the client's key.</param>
/// <param name="Body">The hash of everything that distinguishes the request.</param>
/// <param name="Topic">The topic by which to partition it.</param>
/// <param name="KeylessStart">The first partition in turn for records without a key.</param>
/// <param name="Runner">The runner that makes the append.</param>
[GenerateSerializer, Immutable, Alias("os.KeyedAppendRequest")]
public sealed record KeyedAppendRequest(
    [property: Id(0)] string Key,
    [property: Id(1)] string Body,
    [property: Id(2)] TopicMetadata Topic,
    [property: Id(3)] int KeylessStart,
    [property: Id(4)] Guid Runner);

/// <summary>The answer to the beginning of an append under a key.</summary>
/// <param name="Error">The error when the append must not be made now; null when it may be.</param>
/// <param name="Identity">The identity to append under.</param>
/// <param name="IsResumed">True when an earlier try may have stored a part of the append.</param>
[GenerateSerializer, Immutable, Alias("os.KeyedAppendResponse")]
public sealed record KeyedAppendResponse(
    [property: Id(0)] StreamError? Error,
    [property: Id(1)] AppendIdentity? Identity = null,
    [property: Id(2)] bool IsResumed = false);
