using System.Collections.Immutable;
using System.Text.Json;
using CsCheck;
using OrleansStream.Errors;
using OrleansStream.Producers;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Producers;

/// <summary>The rules of what is remembered by key.</summary>
public sealed class KeyedAppendsTests
{
    private static readonly TopicMetadata Topic = new("t", Guid.NewGuid(), 3, ImmutableSortedDictionary<string, string>.Empty, 1, default);
    private static readonly Guid Me = Guid.NewGuid(), Other = Guid.NewGuid();
    private static readonly long LeaseMs = (long)KeyedAppendLimits.Lease.TotalMilliseconds, DayMs = (long)KeyedAppendLimits.Age.TotalMilliseconds;
    private static readonly ImmutableArray<StoredPart> Parts = [new(17, -1, null), new(-1, -1, new StreamError(StreamErrorCode.InvalidTimestamp, "old"))];

    private static readonly JsonSerializerOptions StoredJson = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private const long FirstId = ProducerIdRanges.ServiceMin + 100;

    private KeyedAppends _state = new() { NextId = FirstId, IdsLeft = 2_000 };

    [Fact]
    public void Begin_WhenAnotherMakesIt_WaitsUntilItIsOverOrItsLeaseIs()
    {
        var mine = Begin("k", Me).Identity!;
        Assert.Equal((FirstId, 0, false), (mine.ProducerId, (int)mine.ProducerEpoch, Begin("x", Me).IsResumed));
        var early = Begin("k", Other, nowMs: LeaseMs - 1);
        Assert.Equal((StreamErrorCode.IdempotencyKeyInUse, 1), (early.Error!.Code, early.Error.RetryAfterMs!.Value));

        // Its runner has died: the same append is made again, as it was planned.
        var resumed = Begin("k", Other, nowMs: LeaseMs, topic: Topic with { Version = 2, PartitionCount = 9 });
        Assert.True(resumed.IsResumed);
        Assert.Equal((mine.ProducerId, mine.ProducerEpoch, 0L, 3),
            (resumed.Identity!.ProducerId, resumed.Identity.ProducerEpoch, resumed.Identity.NowMs, resumed.Identity.Topic!.PartitionCount));
        Assert.False(_state.End("k", Me, KeyedOutcome.Done, Parts));
        Assert.True(_state.End("k", Other, KeyedOutcome.Done, Parts));
        Assert.Equal(Parts, Begin("k", Me).Identity!.StoredParts!.Value);
    }

    [Fact]
    public void Begin_WithAnotherBody_IsRefusedWhateverBecameOfTheFirst()
    {
        Begin("k", Me);
        Assert.Equal(StreamErrorCode.IdempotencyKeyReused, Begin("k", Me, body: "other").Error!.Code);
        _state.End("k", Me, KeyedOutcome.Done, Parts);
        Assert.Equal(StreamErrorCode.IdempotencyKeyReused, Begin("k", Other, body: "other").Error!.Code);
        Assert.Equal(StreamErrorCode.IdempotencyKeyReused, Begin("k", Other, body: "other", nowMs: DayMs - 1).Error!.Code);
        Assert.False(Begin("k", Other, body: "other", nowMs: DayMs).IsResumed);
    }

    [Fact]
    public void End_LeavesWhatIsOpen_AndUsesAnIdAgainUnderItsNextEpochOnly()
    {
        var first = Begin("a", Me).Identity!;
        _state.End("a", Me, KeyedOutcome.Open, []);
        Assert.NotEqual(first.ProducerId, Begin("b", Me).Identity!.ProducerId);
        Assert.True(Begin("a", Other).IsResumed);
        _state.End("a", Other, KeyedOutcome.Done, Parts);

        var next = Begin("c", Me).Identity!;
        Assert.Equal((first.ProducerId, first.ProducerEpoch + 1), (next.ProducerId, next.ProducerEpoch));
        _state.End("c", Me, KeyedOutcome.Nothing, []);
        var again = Begin("c", Other, body: "other");
        Assert.Equal((false, next.ProducerEpoch + 1), (again.IsResumed, again.Identity!.ProducerEpoch));
    }

    [Fact]
    public void Begin_WhenThereAreTooMany_RefusesAndForgetsNothing()
    {
        for (var i = 0; i < KeyedAppendLimits.KeysPerShareMax; i++)
            Assert.Null(Begin($"{i}", Me, nowMs: i).Error);
        var refused = Begin("more", Me, nowMs: 2_000).Error!;
        Assert.Equal((StreamErrorCode.ThrottlingQuotaExceeded, DayMs - 2_000), (refused.Code, refused.RetryAfterMs!.Value));
        Assert.Null(Begin("more", Me, nowMs: DayMs).Error);
    }

    [Fact]
    public void Parse_OfWhatWasStored_GoesOnAsBefore()
    {
        Begin("a", Me);
        Begin("b", Me);
        _state.End("a", Me, KeyedOutcome.Done, Parts);
        var bytes = _state.ToBytes();
        _state = KeyedAppends.Parse(bytes);
        Assert.Equal(bytes, _state.ToBytes());
        Assert.Equal(Parts, Begin("a", Other).Identity!.StoredParts!.Value);
        Assert.Equal(StreamErrorCode.IdempotencyKeyInUse, Begin("b", Other).Error!.Code);
        Assert.Equal((FirstId, 1), (Begin("c", Other).Identity!.ProducerId, (int)Begin("c", Other).Identity!.ProducerEpoch));
        Assert.Throws<JsonException>(() => KeyedAppends.Parse("{\"format\":2}"u8));
        Assert.ThrowsAny<JsonException>(() => KeyedAppends.Parse(bytes.AsSpan(0, bytes.Length - 1)));
    }

    // What older versions stored: ids from the clients' counter, which callers can name.
    [Fact]
    public void Parse_OfAnOlderVersion_MakesWhatWasBegunAndUsesItsIdsForNothingElse()
    {
        var old = ProducerIdRanges.ClientMin + 41;
        var topics = JsonSerializer.Serialize(new Dictionary<long, TopicMetadata> { [1] = Topic }, StoredJson);
        _state = KeyedAppends.Parse(System.Text.Encoding.UTF8.GetBytes($$$"""
            {"format":1,"appends":{"k":{"body":"body","producer_id":{{{old}}},"producer_epoch":3,"topic_version":1,"now_ms":5,"keyless_start":5,
            "expires_at_ms":{{{DayMs}}},"runner":"{{{Me}}}","runner_until_ms":30}},"topics":{{{topics}}},
            "idle":[{"id":{{{old - 1}}},"epoch":9}],"next_id":{{{old + 1}}},"ids_left":58}
            """));
        Assert.True(_state.NeedsIds);
        (_state.NextId, _state.IdsLeft) = (FirstId, 10);
        Assert.Equal((old, 3), (Begin("k", Me).Identity!.ProducerId, (int)Begin("k", Me).Identity!.ProducerEpoch));
        Assert.True(_state.End("k", Me, KeyedOutcome.Done, Parts));
        Assert.Equal(Parts, Begin("k", Other).Identity!.StoredParts!.Value);
        Assert.Equal(FirstId, Begin("new", Me).Identity!.ProducerId);
        Assert.Empty(_state.Idle);
    }

    [Theory]
    [InlineData(KeyedOutcome.Nothing)]
    [InlineData(KeyedOutcome.Done)]
    public void End_WhenAPartitionRefusedTheIdByItsEpoch_DoesNotUseTheIdAgain(KeyedOutcome outcome)
    {
        Begin("a", Me);
        _state.End("a", Me, outcome, [new(17, -1, null), new(-1, -1, new StreamError(StreamErrorCode.InvalidProducerEpoch, "fenced"))]);
        Assert.Empty(_state.Idle);
        Assert.Equal(FirstId + 1, Begin("b", Me).Identity!.ProducerId);
    }

    // Any results of any appends, also more and longer ones than there is room for.
    [Fact]
    public void End_WithAnyResults_KeepsTheDocumentWithinItsBytesAndForgetsNoAppend() => Gen
        .Select(Gen.Int[1, 60], Gen.Int[0, 3], Gen.Int[0, 1_500], Gen.Int[0, 1_000]).Array[1, 60]
        .Sample(
            rounds =>
            {
                var state = new KeyedAppends { NextId = FirstId, IdsLeft = 10_000 };
                var begun = new Dictionary<string, (long ProducerId, short Epoch, ImmutableArray<StoredPart> Parts)>();
                foreach (var (count, errors, parts, detail) in rounds)
                {
                    ImmutableArray<StoredPart> results =
                    [
                        .. Enumerable.Range(0, parts).Select(i => new StoredPart(i * 1_000_000_000L, 1_781_205_600_000, null)),
                        .. Enumerable.Range(0, errors).Select(
                            _ => new StoredPart(-1, -1, new StreamError(StreamErrorCode.InvalidTimestamp, new string('\'', detail)))),
                    ];
                    // Many are under way at once, and end together.
                    var ending = new List<string>();
                    for (var i = 0; i < count; i++)
                    {
                        var key = $"{begun.Count:X32}";
                        var response = state.Begin(new KeyedAppendRequest(
                            key, new string('b', 64), Topic with { Version = begun.Count % 7 }, KeylessStart: 5, Me), nowMs: 1);
                        if (response.Identity is not { } identity)
                        {
                            Assert.Equal(StreamErrorCode.ThrottlingQuotaExceeded, response.Error!.Code);
                            Assert.True(state.LengthBytes >= KeyedAppendLimits.BytesPerShareToBegin
                                || begun.Count == KeyedAppendLimits.KeysPerShareMax);
                            continue;
                        }

                        begun[key] = (identity.ProducerId, identity.ProducerEpoch, results);
                        ending.Add(key);
                    }

                    Assert.All(ending, key => Assert.True(state.End(key, Me, KeyedOutcome.Done, results)));
                    Assert.All(ending, key => Assert.True(
                        state.Appends[key].Parts is null || LengthOf(state.Appends[key]) <= KeyedAppendLimits.BytesPerKeyMax));
                }

                var bytes = state.ToBytes();
                Assert.InRange(state.LengthBytes, 0, KeyedAppendLimits.BytesPerShareMax);
                Assert.InRange(bytes.Length, 0, state.LengthBytes + (64 * 1024));
                state = KeyedAppends.Parse(bytes);
                Assert.InRange(bytes.Length, 0, state.LengthBytes + (64 * 1024));
                foreach (var (key, (id, epoch, results)) in begun)
                {
                    // Its results, or that the partitions are to be asked for them, under the identity that they know.
                    var again = state.Begin(new KeyedAppendRequest(key, new string('b', 64), Topic, KeylessStart: 5, Other), nowMs: 2).Identity!;
                    Assert.Equal((id, epoch), (again.ProducerId, again.ProducerEpoch));
                    Assert.True(again.StoredParts is not { } stored || stored.SequenceEqual(results));
                }
            },
            iter: 30);

    [Fact]
    public void Begin_WhenThereAreTooManyBytes_RefusesUntilThereIsRoomAgain()
    {
        ImmutableArray<StoredPart> results = [.. Enumerable.Range(0, 900).Select(i => new StoredPart(i, -1, null))];
        var count = 0;
        KeyedAppendResponse response;
        while ((response = Begin($"{count}", Me)).Error is null)
            _state.End($"{count++}", Me, KeyedOutcome.Done, results);
        Assert.InRange(count, 10, KeyedAppendLimits.KeysPerShareMax / 2);
        Assert.Equal((StreamErrorCode.ThrottlingQuotaExceeded, DayMs), (response.Error.Code, response.Error.RetryAfterMs!.Value));
        Assert.All(Enumerable.Range(0, count), i => Assert.Equal(results, Begin($"{i}", Other).Identity!.StoredParts!.Value));
        Assert.Null(Begin("more", Me, nowMs: DayMs).Error);
        Assert.InRange(_state.LengthBytes, 1, 2_000);
    }

    private static int LengthOf(KeyedAppend append) => JsonSerializer.SerializeToUtf8Bytes(append, KeyedAppendsJson.Default.KeyedAppend).Length;

    private KeyedAppendResponse Begin(string key, Guid runner, string body = "body", long nowMs = 0, TopicMetadata? topic = null) =>
        _state.Begin(new KeyedAppendRequest(key, body, topic ?? Topic, KeylessStart: 5, runner), nowMs);
}
