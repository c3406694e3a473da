using System.Collections.Concurrent;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Clients;

/// <summary>
/// Timers that fire as their calls end. A timer that is disposed of does not wait for its callback, and what that throws ends the whole process.
/// </summary>
[Collection(ApiTests.Name)]
public sealed class LateTimerTests(ApiFixture api)
{
    [Fact]
    public async Task Callbacks_OfTimersOfCallsThatHaveEnded_ThrowNothing()
    {
        var time = new LateTime();
        using (var rig = await ClientRig.MakeAsync(api, time: time))
        {
            await rig.SendAsync("0", "1");
            await foreach (var record in rig.Client.Consume<string>(rig.Group, rig.Topic))
            {
                if (record.Offset < 1)
                    continue;
                record.Complete();
                break;
            }

            Assert.Equal(2, (await rig.ReadAllAsync()).Count);
            Assert.Equal(2, (await rig.CommittedAsync())[0]);
        }

        Assert.NotEmpty(time.Disposed);
        foreach (var (callback, state) in time.Disposed)
            callback(state);
    }

    /// <summary>The real time, which remembers the callbacks of the timers that were disposed of.</summary>
    private sealed class LateTime : TimeProvider
    {
        public ConcurrentQueue<(TimerCallback Callback, object? State)> Disposed { get; } = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            new LateTimer(this, callback, state, System.CreateTimer(callback, state, dueTime, period));

        private sealed class LateTimer(LateTime time, TimerCallback callback, object? state, ITimer timer) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(dueTime, period);

            public void Dispose()
            {
                timer.Dispose();
                time.Disposed.Enqueue((callback, state));
            }

            public ValueTask DisposeAsync()
            {
                Dispose();
                return default;
            }
        }
    }
}
