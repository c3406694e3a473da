using System.CommandLine;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Consume;
using OrleansStream.Cli.Terminal;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.CommandLine;

/// <summary><c>consume --group</c> in this process, with a clock that the test sets.</summary>
[Collection(ApiTests.Name)]
public sealed class GroupScanTests(ApiFixture api)
{
    /// <summary>A pipe whose reader pauses, or a pager, blocks the write. That nothing came meanwhile does not mean that nothing is left.</summary>
    [Fact]
    public async Task Run_WhileAWriteIsBlocked_DoesNotTakeTheRunForSettled()
    {
        var topic = await api.CreateTopicAsync();
        var group = CommandLineRig.NewName("group");
        await api.PostAsync($"/v1/topics/{topic}/partitions/0/records", """{"records":[{"value":"0"},{"value":"1"},{"value":"2"}]}""");
        var time = new TickingTime();
        var options = new GlobalOptions();
        var root = new RootCommand();
        foreach (var option in options.All)
            root.Add(option);
        await using var call = new Call(
            root.Parse(["--server", api.Client.BaseAddress!.AbsoluteUri]), options, Screen.Open(), time, TestContext.Current.CancellationToken);
        var scan = new GroupScan(call, new ConsumeRequest(topic, new Position(PositionKind.Beginning))
        {
            Group = group,
            Filters = RecordFilters.Parse(null, null, null),
            Format = null,
        });
        await scan.PlanAsync();
        var taken = new List<long>();

        await scan.RunAsync(
            record =>
            {
                taken.Add(record.Offset);
                return true;
            },
            () =>
            {
                if (taken.Count == 1)
                    time.Tick(3, ConsumeLimits.GroupSettleTime);
            });

        Assert.Equal([0, 1, 2], taken);
        var offsets = await api.GetAsync($"/v1/groups/{group}/offsets");
        Assert.Equal(3, (long)offsets["offsets"]![0]!["offset"]!);
    }

    /// <summary>A clock whose timers fire when the test says, and which tells when they have.</summary>
    private sealed class TickingTime : TimeProvider
    {
        private readonly SkippingTime _time = new();
        private int _ticks;
        private int _timers;

        public override long GetTimestamp() => _time.GetTimestamp();

        public override DateTimeOffset GetUtcNow() => _time.GetUtcNow();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Interlocked.Increment(ref _timers);
            return new Timer(this, _time.CreateTimer(
                given =>
                {
                    callback(given);
                    Interlocked.Increment(ref _ticks);
                },
                state, dueTime, period));
        }

        /// <summary>Puts time forward, and waits each time for a timer to fire, as long as there is one.</summary>
        public void Tick(int count, TimeSpan by)
        {
            for (var i = 0; i < count; i++)
            {
                var before = Volatile.Read(ref _ticks);
                _time.Advance(by);
                Assert.True(
                    SpinWait.SpinUntil(() => Volatile.Read(ref _ticks) > before || Volatile.Read(ref _timers) == 0, Wait.Patience), "No timer fired.");
            }
        }

        private sealed class Timer(TickingTime time, ITimer timer) : ITimer
        {
            private int _isDisposed;

            public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(dueTime, period);

            public void Dispose()
            {
                timer.Dispose();
                if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
                    Interlocked.Decrement(ref time._timers);
            }

            public ValueTask DisposeAsync()
            {
                Dispose();
                return default;
            }
        }
    }
}
