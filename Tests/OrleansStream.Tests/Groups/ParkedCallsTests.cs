using Microsoft.Extensions.Time.Testing;
using OrleansStream.Groups;
using OrleansStream.Groups.Classic;

namespace OrleansStream.Tests.Groups;

/// <summary>When joins and syncs that wait are answered.</summary>
public sealed class ParkedCallsTests
{
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(5);

    private readonly FakeTimeProvider _time = new();
    private readonly ParkedCalls _calls;

    public ParkedCallsTests() => _calls = new ParkedCalls(_time);

    [Fact]
    public async Task Deliver_BeforeTheStateIsDurable_AnswersNobody()
    {
        var call = _calls.Park();
        var wait = _calls.WaitAsync(call, WaitMax, CancellationToken.None);
        var flush = new TaskCompletionSource();

        var delivery = _calls.DeliverAsync([AnswerTo(call)], () => flush.Task);
        Assert.False(call.Answer.Task.IsCompleted);
        flush.SetResult();
        await delivery;

        Assert.Equal(AnswerTo(call), await wait);
    }

    // Its caller would be told nothing, and nobody else could be told later.
    [Fact]
    public async Task Wait_WhenItsTimeIsOverWhileTheAnswerBecomesDurable_WaitsForTheAnswer()
    {
        var call = _calls.Park();
        var wait = _calls.WaitAsync(call, WaitMax, CancellationToken.None);
        var flush = new TaskCompletionSource();
        var delivery = _calls.DeliverAsync([AnswerTo(call)], () => flush.Task);

        _time.Advance(WaitMax);
        flush.SetResult();
        await delivery;

        Assert.Equal(AnswerTo(call), await wait);
    }

    [Fact]
    public async Task Wait_WhenThereIsNoAnswerInTime_ParksTheCallNoLonger()
    {
        var call = _calls.Park();
        var wait = _calls.WaitAsync(call, WaitMax, CancellationToken.None);

        _time.Advance(WaitMax);
        Assert.Null(await wait);
        await _calls.DeliverAsync([AnswerTo(call)], () => Task.CompletedTask);

        Assert.False(call.Answer.Task.IsCompleted);
    }

    [Fact]
    public async Task Deliver_WhenTheStateCannotBeWritten_FailsTheCallsAsTheWriteDid()
    {
        var call = _calls.Park();
        var wait = _calls.WaitAsync(call, WaitMax, CancellationToken.None);

        await _calls.DeliverAsync([AnswerTo(call)], () => Task.FromException(new InvalidOperationException("full")));

        Assert.Equal("full", (await Assert.ThrowsAsync<InvalidOperationException>(() => wait)).Message);
    }

    [Fact]
    public async Task EndAll_FailsThoseThatWait()
    {
        var wait = _calls.WaitAsync(_calls.Park(), WaitMax, CancellationToken.None);

        _calls.EndAll(new InvalidOperationException("moved"));

        Assert.Equal("moved", (await Assert.ThrowsAsync<InvalidOperationException>(() => wait)).Message);
    }

    private static SyncDelivery AnswerTo(ParkedCall call) =>
        new(call.Ticket, new SyncAnswer(Refusal: null, ProtocolType: "consumer", Protocol: "range", Assignment: default));
}
