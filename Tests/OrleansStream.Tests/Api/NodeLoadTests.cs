using Microsoft.Extensions.Time.Testing;
using OrleansStream.Gateway.Admission;

namespace OrleansStream.Tests.Api;

/// <summary>Who waits for a node's memory gets it in turn, or learns in time that there is none.</summary>
public sealed class NodeLoadTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly FakeTimeProvider _time = new();
    private readonly NodeLoad _node;

    public NodeLoadTests() => _node = new NodeLoad(_time, bytesMax: 100);

    [Fact]
    public async Task Take_WhenThereIsAsMuch_DoesNotWait()
    {
        Assert.True(await _node.TakeAsync(100, Patience));
        Assert.Equal(100, _node.Bytes);
    }

    [Fact]
    public async Task Take_WhenOthersGiveBack_IsServedInTurn()
    {
        Assert.True(_node.TryTake(100));
        var large = _node.TakeAsync(80, Patience).AsTask();
        _node.Return(50);
        // There is room for the one behind, which has to wait for the first all the same.
        var small = _node.TakeAsync(10, Patience).AsTask();
        Assert.False(large.IsCompleted || small.IsCompleted);
        _node.Return(30);
        Assert.True(await large);
        Assert.False(small.IsCompleted);
        _node.Return(20);
        Assert.True(await small);
        Assert.Equal(90, _node.Bytes);
    }

    [Fact]
    public async Task Take_WhenThereIsNone_EndsInTimeAndHoldsUpNobody()
    {
        Assert.True(_node.TryTake(100));
        var waits = _node.TakeAsync(50, Patience).AsTask();
        _time.Advance(Patience - TimeSpan.FromSeconds(1));
        Assert.False(waits.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.False(await waits);
        Assert.Equal(100, _node.Bytes);
        var next = _node.TakeAsync(10, Patience).AsTask();
        _node.Return(10);
        Assert.True(await next);
        Assert.Equal(100, _node.Bytes);
    }

    // Memory is free, so nobody may give any back for a long time.
    [Fact]
    public async Task Take_WhenTheFirstInTurnGivesUp_IsServedIfThereIsEnoughForTheNext()
    {
        Assert.True(_node.TryTake(60));
        var large = _node.TakeAsync(50, Patience).AsTask();
        var small = _node.TakeAsync(30, 2 * Patience).AsTask();
        var behind = _node.TakeAsync(20, 2 * Patience).AsTask();

        _time.Advance(Patience);

        Assert.False(await large);
        Assert.Equal((90, 1), (_node.Bytes, _node.WaitingCount));
        Assert.True(await small);
        Assert.False(behind.IsCompleted);
        _node.Return(10);
        Assert.True(await behind);
    }

    [Theory]
    [InlineData(50, false), InlineData(51, true)]
    public void HalfTaken_IsMoreThanHalf(int bytes, bool isHalfTaken)
    {
        Assert.True(_node.TryTake(bytes));
        Assert.Equal(isHalfTaken, _node.IsHalfTaken);
    }
}
