using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using OrleansStream.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Producers;

/// <summary>The memory for appends with keys, and its rules.</summary>
/// <remarks>
/// Each append has a producer id of its own until the append is over. Then the id serves the next append, with its next epoch. So a share uses only
/// as many ids as it has open appends, and no partition must remember an id for each key. An id whose epoch a partition has refused is not used
/// again.
/// <para>
/// The bytes of the document are bounded. If it has no room for the results of an append, the append is left open. A repeat then makes the append
/// again under its identity, and the partitions recognize what they have stored already.
/// </para>
/// </remarks>
internal sealed record KeyedAppends
{
    /// <summary>The only format that is written and read.</summary>
    public const int CurrentFormat = 1;

    // The bytes that a name and its punctuation add to a value. A version has up to 20 digits.
    private const int EntryBytes = 24;

    private int? _lengthBytes;

    /// <summary>The document's format.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>The appends by the hash of their keys.</summary>
    public Dictionary<string, KeyedAppend> Appends { get; init; } = [];

    /// <summary>The versions of the topic by which appends are partitioned.</summary>
    public Dictionary<long, TopicMetadata> Topics { get; init; } = [];

    /// <summary>Producer ids without an append, with their last epoch. The last one in the list is used first.</summary>
    public List<IdleProducer> Idle { get; init; } = [];

    /// <summary>The first id that was not used yet.</summary>
    public long NextId { get; set; }

    /// <summary>The count of ids from there on that this share may use.</summary>
    public int IdsLeft { get; set; }

    /// <summary>True when ids must be taken before an append can begin.</summary>
    [JsonIgnore]
    public bool NeedsIds => IdsLeft == 0 && Idle.Count == 0;

    /// <summary>The bytes of the appends and topics in the document. It is never too low.</summary>
    [JsonIgnore]
    public int LengthBytes => _lengthBytes ??= Appends.Sum(append => LengthOf(append.Key, append.Value)) + Topics.Values.Sum(LengthOf);

    private bool IsFull => Appends.Count >= KeyedAppendLimits.KeysPerShareMax || LengthBytes >= KeyedAppendLimits.BytesPerShareToBegin;

    /// <summary>Judges a request, and remembers it if it is to be made.</summary>
    /// <param name="request">The request.</param>
    /// <param name="nowMs">The time, in milliseconds since the Unix epoch.</param>
    public KeyedAppendResponse Begin(KeyedAppendRequest request, long nowMs)
    {
        if (Appends.TryGetValue(request.Key, out var known) && known.ExpiresAtMs <= nowMs)
        {
            Remove(request.Key, known);
            known = null;
        }

        if (known is null)
            return Add(request, nowMs);
        if (known.Body != request.Body)
        {
            return new KeyedAppendResponse(new StreamError(
                StreamErrorCode.IdempotencyKeyReused,
                "This idempotency key was used for another request, with other records or another destination."));
        }

        if (known.Parts is null && known.RunnerUntilMs > nowMs && known.Runner != request.Runner)
        {
            return new KeyedAppendResponse(new StreamError(
                StreamErrorCode.IdempotencyKeyInUse, "The request with this key is still being made. Repeat it later to get its answer.")
            {
                RetryAfterMs = (int)Math.Min(known.RunnerUntilMs - nowMs, 1_000),
            });
        }

        if (known.Parts is null)
            known = Put(request.Key, known with { Runner = request.Runner, RunnerUntilMs = LeaseFrom(nowMs) });
        return new KeyedAppendResponse(Error: null, IdentityOf(known), IsResumed: true);
    }

    /// <summary>Remembers how an append ended.</summary>
    /// <param name="key">The hash of its key.</param>
    /// <param name="runner">The runner that made it.</param>
    /// <param name="outcome">How it ended.</param>
    /// <param name="parts">The outcome of each part, if the append is done.</param>
    /// <returns>False when another runner has the append now, or it is over already.</returns>
    public bool End(string key, Guid runner, KeyedOutcome outcome, ImmutableArray<StoredPart> parts)
    {
        if (!Appends.TryGetValue(key, out var append) || append.Runner != runner || append.Parts is not null)
            return false;
        var isFenced = parts.Any(part => part.Error is { Code: StreamErrorCode.InvalidProducerEpoch });
        var over = append with { Parts = parts, Runner = Guid.Empty, RunnerUntilMs = 0 };
        if (outcome == KeyedOutcome.Nothing)
        {
            Remove(key, append, isFenced);
        }
        else if (outcome == KeyedOutcome.Done && HasRoomFor(key, append, over))
        {
            Free(append, isFenced);
            Put(key, over);
        }
        else
        {
            Put(key, over with { Parts = null });
        }

        return true;
    }

    /// <summary>Forgets appends that are too old.</summary>
    /// <param name="nowMs">The time, in milliseconds since the Unix epoch.</param>
    /// <returns>True when there were any.</returns>
    public bool Expire(long nowMs)
    {
        KeyValuePair<string, KeyedAppend>[] expired = [.. Appends.Where(append => append.Value.ExpiresAtMs <= nowMs)];
        foreach (var (key, append) in expired)
            Remove(key, append);
        foreach (var version in Topics.Keys.Except(Appends.Values.Select(append => append.TopicVersion)).ToArray())
        {
            _lengthBytes = LengthBytes - LengthOf(Topics[version]);
            Topics.Remove(version);
        }

        return expired.Length > 0;
    }

    /// <summary>The stored form.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, KeyedAppendsJson.Default.KeyedAppends);

    /// <summary>Reads the stored form.</summary>
    /// <param name="bytes">The document.</param>
    /// <remarks>
    /// Older versions stored appends under clients' ids, which callers can name. An append keeps the id under which it was begun; such ids without an
    /// append are not used again.
    /// </remarks>
    /// <exception cref="JsonException">The document is damaged or of another format. It is never taken for an empty one.</exception>
    public static KeyedAppends Parse(ReadOnlySpan<byte> bytes)
    {
        if (JsonSerializer.Deserialize(bytes, KeyedAppendsJson.Default.KeyedAppends)
            is not { Format: CurrentFormat, Appends: not null, Topics: not null, Idle: not null } found)
        {
            throw new JsonException("The document has another format.");
        }

        found.Idle.RemoveAll(idle => !IsServices(idle.Id));
        if (!IsServices(found.NextId))
            found.IdsLeft = 0;
        return found;
    }

    private KeyedAppendResponse Add(KeyedAppendRequest request, long nowMs)
    {
        if (IsFull)
            Expire(nowMs);
        if (IsFull)
        {
            var freeInMs = Appends.Values.Min(append => append.ExpiresAtMs) - nowMs;
            return new KeyedAppendResponse(new StreamError(
                StreamErrorCode.ThrottlingQuotaExceeded,
                $"The topic cannot remember more keys. Each of its {KeyedAppendLimits.SharesPerTopic} shares remembers "
                + $"{KeyedAppendLimits.KeysPerShareMax} keys, or {KeyedAppendLimits.BytesPerShareToBegin} bytes of results, for "
                + $"{KeyedAppendLimits.Age.TotalHours} hours. Nothing was stored. A producer that numbers its own records has no such bound.")
            {
                RetryAfterMs = (int)Math.Clamp(freeInMs, 1_000, int.MaxValue),
            });
        }

        var producer = TakeProducer();
        var lengthBytes = LengthBytes;
        if (Topics.TryAdd(request.Topic.Version, request.Topic))
            _lengthBytes = lengthBytes + LengthOf(request.Topic);
        var append = Put(request.Key, new KeyedAppend
        {
            Body = request.Body,
            ProducerId = producer.Id,
            ProducerEpoch = producer.Epoch,
            TopicVersion = request.Topic.Version,
            NowMs = nowMs,
            KeylessStart = request.KeylessStart,
            ExpiresAtMs = nowMs + (long)KeyedAppendLimits.Age.TotalMilliseconds,
            Runner = request.Runner,
            RunnerUntilMs = LeaseFrom(nowMs),
        });
        return new KeyedAppendResponse(Error: null, IdentityOf(append));
    }

    private IdleProducer TakeProducer()
    {
        while (Idle.Count > 0)
        {
            var idle = Idle[^1];
            Idle.RemoveAt(Idle.Count - 1);
            if (idle.Epoch < short.MaxValue)
                return idle with { Epoch = (short)(idle.Epoch + 1) };
        }

        IdsLeft--;
        return new IdleProducer(NextId++, Epoch: 0);
    }

    private KeyedAppend Put(string key, KeyedAppend append)
    {
        var lengthBytes = LengthBytes;
        if (Appends.TryGetValue(key, out var before))
            lengthBytes -= LengthOf(key, before);
        _lengthBytes = lengthBytes + LengthOf(key, append);
        return Appends[key] = append;
    }

    private void Remove(string key, KeyedAppend append, bool isFenced = false)
    {
        _lengthBytes = LengthBytes - LengthOf(key, append);
        Appends.Remove(key);
        if (append.Parts is null)
            Free(append, isFenced);
    }

    private void Free(KeyedAppend append, bool isFenced)
    {
        if (!isFenced && IsServices(append.ProducerId))
            Idle.Add(new IdleProducer(append.ProducerId, append.ProducerEpoch));
    }

    private bool HasRoomFor(string key, KeyedAppend append, KeyedAppend over)
    {
        var overBytes = LengthOf(key, over);
        return overBytes <= KeyedAppendLimits.BytesPerKeyMax
            && LengthBytes - LengthOf(key, append) + overBytes <= KeyedAppendLimits.BytesPerShareMax;
    }

    // Measured with the longest time, so that the append does not grow when another runner takes it over.
    private static int LengthOf(string key, KeyedAppend append) => key.Length + EntryBytes
        + JsonSerializer.SerializeToUtf8Bytes(append with { RunnerUntilMs = long.MaxValue }, KeyedAppendsJson.Default.KeyedAppend).Length;

    private static int LengthOf(TopicMetadata topic) =>
        EntryBytes + JsonSerializer.SerializeToUtf8Bytes(topic, KeyedAppendsJson.Default.TopicMetadata).Length;

    private static bool IsServices(long producerId) => ProducerIdRanges.KindOf(producerId) == ProducerIdKind.Service;

    private AppendIdentity IdentityOf(KeyedAppend append) => new(
        append.ProducerId, append.ProducerEpoch, Topics[append.TopicVersion], append.NowMs, append.KeylessStart, TimeoutMs: 0, IsRepeat: true)
    {
        StoredParts = append.Parts,
    };

    private static long LeaseFrom(long nowMs) => nowMs + (long)KeyedAppendLimits.Lease.TotalMilliseconds;
}

/// <summary>An append with a key: what is needed to make it again, or its result.</summary>
internal sealed record KeyedAppend
{
    /// <summary>The hash of the request.</summary>
    public required string Body { get; init; }

    /// <summary>Its producer id.</summary>
    public required long ProducerId { get; init; }

    /// <summary>Its producer epoch.</summary>
    public required short ProducerEpoch { get; init; }

    /// <summary>The version of the topic by which it is partitioned.</summary>
    public required long TopicVersion { get; init; }

    /// <summary>When it was first begun, in milliseconds since the Unix epoch. Records without a time get this time.</summary>
    public required long NowMs { get; init; }

    /// <summary>The first partition in turn for its keyless records.</summary>
    public required int KeylessStart { get; init; }

    /// <summary>When it is forgotten, in milliseconds since the Unix epoch.</summary>
    public required long ExpiresAtMs { get; init; }

    /// <summary>The runner that makes it now.</summary>
    public Guid Runner { get; init; }

    /// <summary>Until when it belongs to the runner, in milliseconds since the Unix epoch.</summary>
    public long RunnerUntilMs { get; init; }

    /// <summary>The outcome of each part; null until the append is done.</summary>
    public ImmutableArray<StoredPart>? Parts { get; init; }
}

/// <summary>A producer id without an append.</summary>
/// <param name="Id">The id.</param>
/// <param name="Epoch">The last epoch with which it was used.</param>
internal readonly record struct IdleProducer(long Id, short Epoch);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(KeyedAppends))]
internal sealed partial class KeyedAppendsJson : JsonSerializerContext;
