using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>Logs that share a budget of appends: what waits gathers, quiet partitions get their turn, and opening and rolling never wait.</summary>
public sealed class BudgetedLogTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly LogRig _rig = new();

    [Fact]
    public async Task Append_WhileTheBudgetIsUsedUp_GathersAndGoesWithTheNextTurn()
    {
        using var budget = new AppendBudget(1, _rig.Time);
        await using var log = await OpenAsync(budget, "a/0");
        await AppendAsync(log);
        var appendsBefore = _rig.Segments.Appends.Count;

        Task<LogAppendResult>[] waiting = [.. Enumerable.Range(0, 5).Select(_ => AppendAsync(log))];
        Assert.DoesNotContain(waiting, append => append.IsCompleted);
        _rig.Time.Advance(Second);
        var stored = await Task.WhenAll(waiting).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.Equal([1L, 2, 3, 4, 5], stored.Select(result => result.BaseOffset));
        Assert.Equal(appendsBefore + 1, _rig.Segments.Appends.Count);
    }

    [Fact]
    public async Task Append_OfAQuietPartition_GoesBeforeTheNextOneOfABusyOne()
    {
        using var budget = new AppendBudget(1, _rig.Time);
        await using var busy = await OpenAsync(budget, "a/0");
        await using var quiet = await OpenAsync(budget, "a/1");
        await AppendAsync(busy);
        var first = AppendAsync(busy);
        var ofQuiet = AppendAsync(quiet);

        _rig.Time.Advance(Second);
        await first.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        var second = AppendAsync(busy);
        _rig.Time.Advance(Second);
        await ofQuiet.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.False(second.IsCompleted);
        _rig.Time.Advance(Second);
        await second.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Open_WhileTheBudgetIsUsedUp_DoesNotWait()
    {
        using var budget = new AppendBudget(1, _rig.Time);
        var log = await OpenAsync(budget, "a/0");
        await AppendAsync(log);
        var waiting = AppendAsync(log);

        // The clock stands still: whatever waited for a turn would wait for ever.
        await using var other = await OpenAsync(budget, "a/1").WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.False(waiting.IsCompleted);
        await _rig.RunAsync(log.DisposeAsync().AsTask());
    }

    [Fact]
    public async Task Dispose_WhileAnAppendWaitsForItsTurn_AnswersIt()
    {
        using var budget = new AppendBudget(1, _rig.Time);
        var log = await OpenAsync(budget, "a/0");
        await AppendAsync(log);
        var appendsBefore = _rig.Segments.Appends.Count;
        var waiting = AppendAsync(log);

        await _rig.RunAsync(log.DisposeAsync().AsTask());

        // Its turn came before the log gave up, or it was told that nothing of it is stored. The outcome is unknown only if the store has the append:
        // the virtual clock may run past the log's longest wait while the real thread of that write stands still.
        var result = await waiting.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.True(result.Error is null or { OutcomeUnknown: false } || _rig.Segments.Appends.Count > appendsBefore, $"{result}");
    }

    private static Task<LogAppendResult> AppendAsync(PartitionLog log) => log.AppendAsync(TestBatch.Of("x"), LogAcks.Durable).AsTask();

    private Task<PartitionLog> OpenAsync(AppendBudget budget, string name) => PartitionLog.OpenAsync(
        name, "owner", _rig.Options, _rig.Segments, _rig.Documents, _rig.Time, new LogResources(_rig.Time, appends: budget)).AsTask();
}
