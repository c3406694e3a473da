using Microsoft.Extensions.Logging.Abstractions;
using OrleansStream.Hosting;

namespace OrleansStream.Tests.Hosting;

/// <summary>The clock of a silo's process: a system's clock may be set at will, and this one never goes back.</summary>
public sealed class SteadyTimeProviderTests
{
    private static readonly DateTimeOffset Start = new(2026, 6, 11, 19, 0, 0, TimeSpan.Zero);

    private readonly SetClock _system = new(Start);
    private readonly SteadyTimeProvider _time;

    public SteadyTimeProviderTests() => _time = new SteadyTimeProvider(_system, NullLogger<SteadyTimeProvider>.Instance);

    [Fact]
    public void GetUtcNow_WhenNothingHappens_IsTheSystems()
    {
        _system.Pass(TimeSpan.FromMinutes(3));
        Assert.Equal(Start + TimeSpan.FromMinutes(3), _time.GetUtcNow());
    }

    [Fact]
    public void GetUtcNow_WhenTheClockIsSetAhead_FollowsAtOnce()
    {
        _system.Step(TimeSpan.FromHours(1));
        Assert.Equal(Start + TimeSpan.FromHours(1), _time.GetUtcNow());
    }

    [Theory]
    [InlineData(50)]
    [InlineData(0.05)]
    public void GetUtcNow_WhenTheClockIsSetBack_GoesOnAtHalfItsPaceUntilTheSystemHasCaughtUp(double minutes)
    {
        var step = TimeSpan.FromMinutes(minutes);
        _system.Step(-step);
        Assert.Equal(Start, _time.GetUtcNow());
        for (var i = 1; i <= 4; i++)
        {
            _system.Pass(step / 2);
            Assert.Equal(Start + (i * step / 4), _time.GetUtcNow());
        }

        Assert.Equal(_system.GetUtcNow(), _time.GetUtcNow());
        _system.Pass(TimeSpan.FromMinutes(1));
        Assert.Equal(_system.GetUtcNow(), _time.GetUtcNow());
    }

    [Fact]
    public void GetUtcNow_WhenNobodyAskedSinceTheClockWasSetBackAndCaughtUp_IsTheSystems()
    {
        _system.Step(TimeSpan.FromMinutes(-5));
        _system.Pass(TimeSpan.FromHours(1));
        Assert.Equal(_system.GetUtcNow(), _time.GetUtcNow());
    }

    [Fact]
    public void GetUtcNow_WhenTheClockIsSetBackAndAheadAgain_IsTheSystemsAtOnce()
    {
        _system.Step(TimeSpan.FromMinutes(-50));
        _system.Pass(TimeSpan.FromMinutes(1));
        Assert.Equal(Start + TimeSpan.FromSeconds(30), _time.GetUtcNow());
        _system.Step(TimeSpan.FromMinutes(50));
        Assert.Equal(Start + TimeSpan.FromMinutes(1), _time.GetUtcNow());
    }

    [Fact]
    public void GetElapsedTime_WhenTheClockIsSet_IsLeftAlone()
    {
        var started = _time.GetTimestamp();
        _system.Step(TimeSpan.FromHours(-2));
        _system.Pass(TimeSpan.FromSeconds(4));
        Assert.Equal(TimeSpan.FromSeconds(4), _time.GetElapsedTime(started));
    }

    /// <summary>A system whose clock is set by hand; what counts elapsed time goes on evenly.</summary>
    private sealed class SetClock(DateTimeOffset now) : TimeProvider
    {
        private DateTimeOffset _now = now;
        private TimeSpan _elapsed;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Pass(TimeSpan time) => (_now, _elapsed) = (_now + time, _elapsed + time);

        public void Step(TimeSpan step) => _now += step;

        public override DateTimeOffset GetUtcNow() => _now;

        public override long GetTimestamp() => _elapsed.Ticks;
    }
}
