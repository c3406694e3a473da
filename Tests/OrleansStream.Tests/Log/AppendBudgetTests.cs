using CsCheck;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Log.Resources;

namespace OrleansStream.Tests.Log;

/// <summary>The turns of a budget of appends: never more than it has, never out of order, and none lost.</summary>
public sealed class AppendBudgetTests
{
    [Fact]
    public void Turns_WhateverComesWhen_AreNeverMoreThanTheBudgetInAnySecond() => Gen.Select(Gen.Int[1, 50], Gen.Int[0, 400].Array[1, 200]).Sample(
        (perSecondMax, pausesMs) =>
        {
            var time = new FakeTimeProvider();
            using var budget = new AppendBudget(perSecondMax, time);
            var turnsAt = new List<DateTimeOffset>();
            var waiting = new List<Task>();
            void Note() => turnsAt.AddRange(Enumerable.Repeat(time.GetUtcNow(), waiting.RemoveAll(turn => turn.IsCompleted)));
            foreach (var pauseMs in pausesMs)
            {
                // Steps as a late timer has them.
                for (var leftMs = pauseMs; leftMs > 0; leftMs -= 40)
                {
                    time.Advance(TimeSpan.FromMilliseconds(Math.Min(leftMs, 40)));
                    Settle(waiting, budget);
                    Note();
                }

                waiting.Add(budget.TakeTurnAsync(CancellationToken.None).AsTask());
                waiting.Add(budget.TakeTurnAsync(CancellationToken.None).AsTask());
                Note();
            }

            for (var i = 0; i < 100_000 && waiting.Count > 0; i++)
            {
                time.Advance(TimeSpan.FromMilliseconds(40));
                Settle(waiting, budget);
                Note();
            }

            Assert.Equal(2 * pausesMs.Length, turnsAt.Count);
            for (var i = perSecondMax; i < turnsAt.Count; i++)
                Assert.True(turnsAt[i] - turnsAt[i - perSecondMax] >= TimeSpan.FromSeconds(1), $"{perSecondMax + 1} turns from {turnsAt[i - perSecondMax]:O} to {turnsAt[i]:O}.");
        },
        iter: 100);

    [Fact]
    public async Task Turns_WhenManyWait_GoToWhoeverHasWaitedLongest()
    {
        var time = new FakeTimeProvider();
        using var budget = new AppendBudget(10, time);
        await budget.TakeTurnAsync(CancellationToken.None);
        Task[] waiting = [.. Enumerable.Range(0, 20).Select(_ => budget.TakeTurnAsync(CancellationToken.None).AsTask())];
        foreach (var next in waiting)
        {
            Assert.False(next.IsCompleted);
            time.Advance(TimeSpan.FromMilliseconds(100));
            await next.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task Turn_ThatWasGivenUp_GoesToTheNextOne()
    {
        var time = new FakeTimeProvider();
        using var budget = new AppendBudget(1, time);
        await budget.TakeTurnAsync(CancellationToken.None);
        using var cancelled = new CancellationTokenSource();
        var givenUp = budget.TakeTurnAsync(cancelled.Token).AsTask();
        var next = budget.TakeTurnAsync(CancellationToken.None).AsTask();

        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => givenUp);
        time.Advance(TimeSpan.FromSeconds(1));
        await next.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal(0, budget.WaitingCount);
    }

    [Fact]
    public async Task Turns_ThatNobodyTook_DoNotAddUp()
    {
        var time = new FakeTimeProvider();
        using var budget = new AppendBudget(10, time);
        time.Advance(TimeSpan.FromHours(1));

        await budget.TakeTurnAsync(CancellationToken.None);
        Assert.False(budget.TakeTurnAsync(CancellationToken.None).AsTask().IsCompleted);
    }

    // Turns are given on the timer's thread, and told on the pool's.
    private static void Settle(List<Task> waiting, AppendBudget budget) =>
        SpinWait.SpinUntil(() => waiting.Count(turn => !turn.IsCompleted) == budget.WaitingCount, TimeSpan.FromSeconds(30));
}
