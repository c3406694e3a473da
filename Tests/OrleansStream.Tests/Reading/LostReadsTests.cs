using OrleansStream.Gateway.Reading;

namespace OrleansStream.Tests.Reading;

/// <summary>A read whose server dies.</summary>
public sealed class LostReadsTests
{
    private readonly InstantTime _time = new();

    public static TheoryData<Exception> Losses => [new SiloUnavailableException("gone"), new TaskCanceledException("The activation did not begin in time.")];

    [Theory]
    [MemberData(nameof(Losses), DisableDiscoveryEnumeration = true)]
    public async Task Repeat_WhenAServerDiesOrGivesUp_AsksAnotherOne(Exception loss)
    {
        var calls = 0;
        var answer = await new LostReads(_time).RepeatAsync(
            () => ++calls < 4 ? throw loss : ValueTask.FromResult(calls), TestContext.Current.CancellationToken);
        Assert.Equal(4, answer);
    }

    [Fact]
    public async Task Repeat_WhenItsCallerHasGivenUp_DoesNotAskAgain()
    {
        using var givenUp = new CancellationTokenSource();
        var calls = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await new LostReads(_time).RepeatAsync<int>(
            () =>
            {
                calls++;
                givenUp.Cancel();
                throw new OperationCanceledException(givenUp.Token);
            },
            givenUp.Token));
        Assert.Equal(1, calls);
    }

    [Fact]
    public async Task Repeat_WhenEachServerDies_EndsWithTheLastFailure()
    {
        var startedAt = _time.GetTimestamp();
        await Assert.ThrowsAsync<SiloUnavailableException>(async () => await new LostReads(_time).RepeatAsync<int>(
            () => throw new SiloUnavailableException(), TestContext.Current.CancellationToken));
        Assert.Equal(ReadingLimits.LostReadRepeatMax, _time.GetElapsedTime(startedAt));
    }

    [Fact]
    public async Task Repeat_WhenNobodyAnswers_DoesNotAskAgain()
    {
        var calls = 0;
        await Assert.ThrowsAsync<TimeoutException>(async () => await new LostReads(_time).RepeatAsync<int>(
            () =>
            {
                calls++;
                throw new TimeoutException();
            },
            TestContext.Current.CancellationToken));
        Assert.Equal(1, calls);
    }

    /// <summary>A clock on which every wait is over at once, and has taken its time.</summary>
    private sealed class InstantTime : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Read(ref _ticks);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Interlocked.Add(ref _ticks, dueTime.Ticks);
            return System.CreateTimer(callback, state, TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }
}
