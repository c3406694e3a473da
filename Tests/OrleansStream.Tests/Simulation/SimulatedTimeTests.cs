using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Simulation;

public sealed class SimulatedTimeTests
{
    private readonly SimulatedTime _time = new();

    [Fact]
    public void RunUntil_WhenEventsAreDue_RunsThemInTheirOrderAndNoOthers()
    {
        var ran = new List<int>();
        _time.Schedule(TimeSpan.FromSeconds(2), () => ran.Add(2));
        _time.Schedule(TimeSpan.FromSeconds(1), () => ran.Add(1));
        _time.Schedule(TimeSpan.FromSeconds(2), () => ran.Add(3));
        _time.Schedule(TimeSpan.FromSeconds(4), () => ran.Add(4));

        _time.RunUntil(TimeSpan.FromSeconds(3));

        Assert.Equal([1, 2, 3], ran);
        Assert.Equal(TimeSpan.FromSeconds(3), _time.Elapsed);
    }

    [Fact]
    public void CreateTimer_WhenDisposedOrChanged_FiresOnlyAsLastSet()
    {
        var fired = 0;
        using var periodic = _time.CreateTimer(
            _ => fired++, null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        _time.RunUntil(TimeSpan.FromSeconds(3));
        Assert.Equal(3, fired);

        periodic.Change(TimeSpan.FromSeconds(5), Timeout.InfiniteTimeSpan);
        _time.RunUntil(TimeSpan.FromSeconds(20));
        Assert.Equal(4, fired);

        periodic.Change(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        periodic.Dispose();
        _time.RunUntil(TimeSpan.FromSeconds(30));
        Assert.Equal(4, fired);
    }

    [Fact]
    public void Post_WhenTheProcessIsPaused_RunsOnceItGoesOn()
    {
        var process = new SimulatedProcess(_time, "paused");
        TimeSpan ranAt = default;
        process.Pause(TimeSpan.FromSeconds(10));
        process.Post(TimeSpan.FromSeconds(1), () => ranAt = _time.Elapsed);

        _time.RunUntil(TimeSpan.FromSeconds(20));

        Assert.Equal(TimeSpan.FromSeconds(10), ranAt);
    }

    [Fact]
    public void Post_WhenTheProcessIsKilled_NeverRuns()
    {
        var process = new SimulatedProcess(_time, "killed");
        var ran = 0;
        process.Post(TimeSpan.FromSeconds(1), () => ran++);
        using var timer = process.CreateTimer(_ => ran++, null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));

        process.Kill();
        _time.RunUntil(TimeSpan.FromSeconds(5));

        Assert.Equal(0, ran);
    }
}
