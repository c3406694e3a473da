using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Tests.Comparison;

/// <summary>What the benchmark counts beside its rates: threads woken and processor time.</summary>
public sealed class ThreadSwitchesTests
{
    [Fact]
    public void Parse_TakesBothCountsOfAThread() => Assert.Equal(
        new ThreadSwitches(118, 50),
        ThreadSwitches.Parse(["Name:\tdotnet", "voluntary_ctxt_switches:\t118", "nonvoluntary_ctxt_switches:\t50"]));

    [Fact]
    public void Between_CountsThreadsThatBeganMeanwhile_AndNoneThatEnded()
    {
        var before = new Dictionary<string, ThreadSwitches> { ["1"] = new(10, 1), ["2"] = new(100, 5) };
        var after = new Dictionary<string, ThreadSwitches> { ["1"] = new(13, 2), ["3"] = new(4, 0) };
        Assert.Equal(new ThreadSwitches(7, 1), ThreadSwitches.Between(before, after));
    }

    [Fact]
    public void ByThread_OfAThreadThatWaitsForAnother_CountsEachTime()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "There is no /proc.");
        const int times = 200;
        using var there = new AutoResetEvent(false);
        using var back = new AutoResetEvent(false);
        using var end = new ManualResetEvent(false);
        var partner = new Thread(() =>
        {
            for (var i = 0; i < times; i++)
            {
                there.WaitOne();
                back.Set();
            }

            end.WaitOne();
        });
        var before = ThreadSwitches.ByThread(Environment.ProcessId);
        partner.Start();
        for (var i = 0; i < times; i++)
        {
            there.Set();
            back.WaitOne();
        }

        // One of the two waits each time, at the least.
        Assert.True(ThreadSwitches.Between(before, ThreadSwitches.ByThread(Environment.ProcessId)).Waits >= times);
        end.Set();
        partner.Join();
    }

    [Fact]
    public void Costing_TellsTheOthersCostForAsManyRecords()
    {
        var ours = new LoadResult(1_000, 0, 0, 0, 0) { RequestsPerSecond = 10, Driven = new ProcessUsage(0.5, 40, 50) };
        var theirs = new LoadResult(2_000, 0, 0, 0, 0) { RequestsPerSecond = 2_000, Driven = new ProcessUsage(1, 4_000, 4_000) };
        var figure = new Figure("path", "rec/s", 1, "peer", 1, Target.None).Costing(ours, theirs);
        Assert.Equal(new EventCost(50_000, 4, 5), figure.OurCost);
        Assert.Equal(new EventCost(50_000, 200, 200), figure.TheirCost);
        Assert.EndsWith("| 50 k to 50 k µs | 4.00 to 200 |\n", Page.Table([figure]), StringComparison.Ordinal);
    }
}
