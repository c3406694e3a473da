using System.Collections.Immutable;
using Orleans.Concurrency;
using OrleansStream.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Producers;

/// <summary>Remembers appends by the keys that clients gave them, for a share of a topic's keys. Key: <see cref="KeyOf"/>.</summary>
/// <remarks>
/// What an append needs to be made again is durable before it begins: its producer id and epoch, and the topic it is planned by. So whoever
/// comes with the key when the one who made it has died makes it again, and the partitions know what they have.
/// </remarks>
[Alias("os.IKeyedAppendsGrain")]
public interface IKeyedAppendsGrain : IGrainWithStringKey
{
    /// <summary>The key of the grain that remembers a key.</summary>
    /// <param name="topicId">The topic's id.</param>
    /// <param name="keyHash">The hash of the client's key.</param>
    static string KeyOf(Guid topicId, ReadOnlySpan<byte> keyHash) => $"{topicId:N}/{keyHash[0] % KeyedAppendLimits.SharesPerTopic}";

    /// <summary>Begins an append, goes on with one that was left, or finds what came of it.</summary>
    /// <param name="request">What is to be appended.</param>
    /// <returns>
    /// The identity to append under; with its stored parts when it is over. Or <see cref="StreamErrorCode.IdempotencyKeyReused"/>,
    /// <see cref="StreamErrorCode.IdempotencyKeyInUse"/>, or a limit that is reached.
    /// </returns>
    /// <exception cref="StreamException">It could not be stored; try again.</exception>
    [Alias("BeginAsync"), AlwaysInterleave]
    Task<KeyedAppendResponse> BeginAsync(KeyedAppendRequest request);

    /// <summary>Ends an append; one that was begun by another runner meanwhile is not touched.</summary>
    /// <param name="key">The hash of the client's key.</param>
    /// <param name="runner">Who began it.</param>
    /// <param name="outcome">How it ended.</param>
    /// <param name="parts">What became of each part, when it is done.</param>
    /// <exception cref="StreamException">It could not be stored; whoever comes with the key next makes the append again.</exception>
    [Alias("EndAsync"), AlwaysInterleave]
    Task EndAsync(string key, Guid runner, KeyedOutcome outcome, ImmutableArray<StoredPart> parts);
}

/// <summary>How an append by key ended.</summary>
public enum KeyedOutcome
{
    /// <summary>Each record is stored, or refused for good: the same answer is given from now on.</summary>
    Done,

    /// <summary>Nothing was stored: the key is free.</summary>
    Nothing,

    /// <summary>Something may be stored, and not all of it: whoever comes with the key next makes the append again.</summary>
    Open,
}

/// <summary>An append by key.</summary>
/// <param name="Key">The hash of the client's key.</param>
/// <param name="Body">The hash of all that makes the request what it is.</param>
/// <param name="Topic">The topic to plan it by.</param>
/// <param name="KeylessStart">Where the turn of partitions begins for records without a key.</param>
/// <param name="Runner">Who makes it.</param>
[GenerateSerializer, Immutable, Alias("os.KeyedAppendRequest")]
public sealed record KeyedAppendRequest(
    [property: Id(0)] string Key,
    [property: Id(1)] string Body,
    [property: Id(2)] TopicMetadata Topic,
    [property: Id(3)] int KeylessStart,
    [property: Id(4)] Guid Runner);

/// <summary>The answer to the beginning of an append by key.</summary>
/// <param name="Error">Why it is not to be made now.</param>
/// <param name="Identity">What to append under.</param>
/// <param name="IsResumed">True when an earlier try may have stored some of it.</param>
[GenerateSerializer, Immutable, Alias("os.KeyedAppendResponse")]
public sealed record KeyedAppendResponse(
    [property: Id(0)] StreamError? Error,
    [property: Id(1)] AppendIdentity? Identity = null,
    [property: Id(2)] bool IsResumed = false);

/// <summary>Bounds of what is remembered by key.</summary>
public static class KeyedAppendLimits
{
    /// <summary>The most characters of a key.</summary>
    public const int KeyLengthMax = 255;

    /// <summary>The grains that share a topic's keys, each with a document of its own; at most 256.</summary>
    public const int SharesPerTopic = 256;

    /// <summary>The keys one of them remembers: with all of them 262,144 a topic. Beyond it new ones are refused, never old ones forgotten.</summary>
    public const int KeysPerShareMax = 1_024;

    /// <summary>
    /// The bytes of appends and topics in one of these documents, which each append writes anew: with all of them 256 MiB a topic. Keys are kept as hashes of
    /// 32 characters, a record's result has about 60 bytes a partition, an error its text. The ids that are kept for later add at most 64 KiB.
    /// </summary>
    public const int BytesPerShareMax = 1024 * 1024;

    /// <summary>The bytes at which no further append is begun: the last quarter is for the results of those that were.</summary>
    public const int BytesPerShareToBegin = BytesPerShareMax / 4 * 3;

    /// <summary>
    /// The bytes of one append with its results. Results beyond it, of over a thousand partitions or of many long errors, are not kept: a repeat makes the
    /// append again, and gets them from the partitions as long as these remember its producer.
    /// </summary>
    public const int BytesPerKeyMax = 64 * 1024;

    /// <summary>How long a key is remembered from its first request on.</summary>
    public static readonly TimeSpan Age = TimeSpan.FromHours(24);

    /// <summary>How long an append is left to its runner: longer than it may take.</summary>
    public static readonly TimeSpan Lease = TopicLimits.AppendTimeout + TimeSpan.FromSeconds(5);
}
