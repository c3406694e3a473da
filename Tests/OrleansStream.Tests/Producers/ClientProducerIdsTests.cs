using System.Reflection;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Errors;
using OrleansStream.Gateway.Appending;
using OrleansStream.Producers;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Producers;

/// <summary>Which producer ids a caller may name, and what it costs to find out.</summary>
public sealed class ClientProducerIdsTests
{
    private const long First = ProducerIdRanges.ClientMin;
    private static readonly long[] Bounds = [0, First, First + 3_000, ProducerIdRanges.ServiceMin, ProducerIdRanges.DerivedMin, long.MaxValue];
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private readonly FakeTimeProvider _time = new();
    private readonly ProducerIdCounter _counter = new(First + 3_000);
    private readonly ClientProducerIds _ids;

    public ClientProducerIdsTests()
    {
        var grains = DispatchProxy.Create<IGrainFactory, OneGrain>();
        ((OneGrain)grains).Grain = _counter;
        _ids = new ClientProducerIds(grains, _time);
    }

    [Fact]
    public void KindOf_AnyId_IsClientsOnlyInTheRangeThatIsCounted() => AnyId.Sample(id =>
        (ProducerIdRanges.KindOf(id) == ProducerIdKind.Client) == (id >= First && id < ProducerIdRanges.ServiceMin));

    [Fact]
    public void Derive_FromAnyDigest_IsAKindOfItsOwn() => Gen.Byte.Array[8].Sample(digest =>
        ProducerIdRanges.KindOf(ProducerIdRanges.Derive(digest)) == ProducerIdKind.Derived);

    [Fact]
    public Task Check_OfAnyIds_TakesExactlyWhatWasGivenOut() => Gen.Select(AnyId, AnyId).SampleAsync(
        async (one, other) =>
        {
            var isGivenOut = Math.Min(one, other) >= First && Math.Max(one, other) < _counter.End;
            var error = await CheckAsync(one, other);
            Assert.Equal(isGivenOut ? null : StreamErrorCode.UnknownProducerId, error?.Code);
        },
        iter: 300, threads: 1);

    [Fact]
    public async Task Check_OfAnIdThatWasGivenOut_AsksOnlyWhenItIsAboveWhatIsKnown()
    {
        Assert.Null(await CheckAsync(First + 2_999));
        Assert.Null(await CheckAsync(First));
        Assert.NotNull(await CheckAsync(First - 1));
        Assert.NotNull(await CheckAsync(ProducerIdRanges.ServiceMin));
        Assert.NotNull(await CheckAsync(long.MaxValue));
        Assert.Equal(1, _counter.QuestionCount);

        // What this node gives out it knows without asking.
        var taken = await _ids.TakeAsync(Timeout);
        Assert.Null(await CheckAsync(taken));
        Assert.Equal(1, _counter.QuestionCount);
    }

    [Fact]
    public async Task Check_OfAFloodOfInventedIds_AsksNotMoreOftenThanThePauseAllows()
    {
        Task<StreamError?>[] flood = [.. Enumerable.Range(0, 2_000).Select(i => _ids.CheckAsync(Of(First + 5_000 + i), Timeout).AsTask())];
        var all = Task.WhenAll(flood);
        await AdvanceUntilAsync(all);

        Assert.All(await all, error => Assert.Equal(StreamErrorCode.UnknownProducerId, error!.Code));
        Assert.InRange(_counter.QuestionCount, 1, 3);
    }

    [Fact]
    public async Task Check_OfAnIdThatAnotherNodeGaveOutSince_IsNeverAnsweredByAnOlderQuestion()
    {
        var next = _counter.End;
        var isHeld = new TaskCompletionSource();
        _counter.OnQuestion = number => number == 1 ? isHeld.Task : Task.CompletedTask;
        var early = _ids.CheckAsync(Of(next), Timeout).AsTask();
        await WaitUntilAsync(() => _counter.QuestionCount == 1);

        await _counter.TakeBlockAsync();
        var late = _ids.CheckAsync(Of(next), Timeout).AsTask();
        isHeld.SetResult();

        Assert.Equal(StreamErrorCode.UnknownProducerId, (await early)!.Code);
        await AdvanceUntilAsync(late);
        Assert.Null(await late);
    }

    [Fact]
    public async Task Check_WhileTheCounterIsAway_WaitsForItAndThenSaysSo()
    {
        _counter.OnQuestion = number => number < 5 ? throw new SiloUnavailableException("gone") : Task.CompletedTask;
        // The clock runs as fast as this test makes it, so there must be time enough.
        var patient = _ids.CheckAsync(Of(First), TimeSpan.FromDays(1)).AsTask();
        await AdvanceUntilAsync(patient);
        Assert.Null(await patient);
        Assert.Equal(5, _counter.QuestionCount);

        _counter.OnQuestion = _ => throw new SiloUnavailableException("gone");
        Assert.Equal(StreamErrorCode.CoordinatorNotAvailable, (await CheckAsync(_counter.End))!.Code);
        Assert.InRange(_counter.QuestionCount, 6, 6 + (Timeout / AppendingLimits.ProducerIdsAskPause));
    }

    private static Gen<long> AnyId { get; } = Gen.OneOf(
        Gen.Long[0, long.MaxValue],
        Gen.Select(
            Gen.Int[0, Bounds.Length - 1], Gen.Int[-3, 3],
            (bound, distance) => distance > long.MaxValue - Bounds[bound] ? long.MaxValue : Math.Max(0, Bounds[bound] + distance)),
        Gen.Long[First, First + 3_100]);

    private static NamedProducers Of(long id, long? other = null) => NamedProducers.None.With(id).With(other ?? id);

    private async Task<StreamError?> CheckAsync(long id, long? other = null)
    {
        var check = _ids.CheckAsync(Of(id, other), Timeout).AsTask();
        await AdvanceUntilAsync(check);
        return await check;
    }

    private async Task AdvanceUntilAsync(Task done)
    {
        while (!done.IsCompleted)
        {
            _time.Advance(AppendingLimits.ProducerIdsAskPause / 10);
            await Task.Yield();
        }
    }

    private static async Task WaitUntilAsync(Func<bool> condition)
    {
        while (!condition())
            await Task.Yield();
    }
}
