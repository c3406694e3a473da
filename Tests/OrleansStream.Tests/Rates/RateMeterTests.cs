using Microsoft.Extensions.Time.Testing;
using OrleansStream.Rates;

namespace OrleansStream.Tests.Rates;

public sealed class RateMeterTests
{
    private readonly FakeTimeProvider _time = new();

    [Theory]
    [InlineData(5)]
    [InlineData(60)]
    [InlineData(600)]
    public void PerSecond_OfASteadyRate_IsThatRateFromTheStart(int seconds)
    {
        var meter = new RateMeter(_time, TimeSpan.FromMinutes(1));
        for (var i = 0; i < seconds * 10; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            meter.Add(5);
        }

        Assert.InRange(meter.PerSecond, 49.5, 50.5);
    }

    [Fact]
    public void PerSecond_WhenNothingComesAnyMore_FallsToOneThirdInAWindow()
    {
        var meter = new RateMeter(_time, TimeSpan.FromMinutes(1));
        _time.Advance(TimeSpan.FromHours(1));
        meter.Add(600);
        Assert.Equal(10, meter.PerSecond, 6);

        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(10 / Math.E, meter.PerSecond, 6);
    }
}
