using System.Collections.Immutable;
using System.Text.Json;
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

    private KeyedAppends _state = new() { NextId = 100, IdsLeft = 2_000 };

    [Fact]
    public void Begin_WhenAnotherMakesIt_WaitsUntilItIsOverOrItsLeaseIs()
    {
        AppendIdentity mine = Begin("k", Me).Identity!;
        Assert.Equal((100L, 0, false), (mine.ProducerId, (int)mine.ProducerEpoch, Begin("x", Me).IsResumed));
        KeyedAppendResponse early = Begin("k", Other, nowMs: LeaseMs - 1);
        Assert.Equal((StreamErrorCode.IdempotencyKeyInUse, 1), (early.Error!.Code, early.Error.RetryAfterMs!.Value));

        // Its runner has died: the same append is made again, as it was planned.
        KeyedAppendResponse resumed = Begin("k", Other, nowMs: LeaseMs, topic: Topic with { Version = 2, PartitionCount = 9 });
        Assert.True(resumed.IsResumed);
        Assert.Equal((mine.ProducerId, mine.ProducerEpoch, 0L, 3), (resumed.Identity!.ProducerId, resumed.Identity.ProducerEpoch, resumed.Identity.NowMs, resumed.Identity.Topic!.PartitionCount));
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
        AppendIdentity first = Begin("a", Me).Identity!;
        _state.End("a", Me, KeyedOutcome.Open, []);
        Assert.NotEqual(first.ProducerId, Begin("b", Me).Identity!.ProducerId);
        Assert.True(Begin("a", Other).IsResumed);
        _state.End("a", Other, KeyedOutcome.Done, Parts);

        AppendIdentity next = Begin("c", Me).Identity!;
        Assert.Equal((first.ProducerId, first.ProducerEpoch + 1), (next.ProducerId, next.ProducerEpoch));
        _state.End("c", Me, KeyedOutcome.Nothing, []);
        KeyedAppendResponse again = Begin("c", Other, body: "other");
        Assert.Equal((false, next.ProducerEpoch + 1), (again.IsResumed, again.Identity!.ProducerEpoch));
    }

    [Fact]
    public void Begin_WhenThereAreTooMany_RefusesAndForgetsNothing()
    {
        for (int i = 0; i < KeyedAppendLimits.KeysPerShareMax; i++)
            Assert.Null(Begin($"{i}", Me, nowMs: i).Error);
        StreamError refused = Begin("more", Me, nowMs: 2_000).Error!;
        Assert.Equal((StreamErrorCode.ThrottlingQuotaExceeded, DayMs - 2_000), (refused.Code, refused.RetryAfterMs!.Value));
        Assert.Null(Begin("more", Me, nowMs: DayMs).Error);
    }

    [Fact]
    public void Parse_OfWhatWasStored_GoesOnAsBefore()
    {
        Begin("a", Me);
        Begin("b", Me);
        _state.End("a", Me, KeyedOutcome.Done, Parts);
        byte[] bytes = _state.ToBytes();
        _state = KeyedAppends.Parse(bytes);
        Assert.Equal(bytes, _state.ToBytes());
        Assert.Equal(Parts, Begin("a", Other).Identity!.StoredParts!.Value);
        Assert.Equal(StreamErrorCode.IdempotencyKeyInUse, Begin("b", Other).Error!.Code);
        Assert.Equal((100L, 1), (Begin("c", Other).Identity!.ProducerId, (int)Begin("c", Other).Identity!.ProducerEpoch));
        Assert.Throws<JsonException>(() => KeyedAppends.Parse("{\"format\":2}"u8));
        Assert.ThrowsAny<JsonException>(() => KeyedAppends.Parse(bytes.AsSpan(0, bytes.Length - 1)));
    }

    private KeyedAppendResponse Begin(string key, Guid runner, string body = "body", long nowMs = 0, TopicMetadata? topic = null) =>
        _state.Begin(new KeyedAppendRequest(key, body, topic ?? Topic, KeylessStart: 5, runner), nowMs);
}
