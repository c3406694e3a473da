using Microsoft.Extensions.Time.Testing;
using OrleansStream.Errors;
using OrleansStream.Gateway.Appending;
using OrleansStream.Randomness;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Producers;

/// <summary>What is tried again, after which pauses, and for how long.</summary>
public sealed class AppendRetryTests
{
    private readonly FakeTimeProvider _time = new();

    // An unknown outcome is repeated only where the partition knows what it has; what is refused for good is not repeated at all.
    [Theory]
    [InlineData(StreamErrorCode.NotLeaderOrFollower, false, true, true)]
    [InlineData(StreamErrorCode.NotLeaderOrFollower, true, true, false)]
    [InlineData(StreamErrorCode.RequestTimedOut, true, true, false)]
    [InlineData(StreamErrorCode.RequestTimedOut, false, false, false)]
    [InlineData(StreamErrorCode.KafkaStorageError, true, true, false)]
    [InlineData(StreamErrorCode.KafkaStorageError, false, false, false)]
    [InlineData(StreamErrorCode.ThrottlingQuotaExceeded, true, true, false)]
    [InlineData(StreamErrorCode.ThrottlingQuotaExceeded, false, false, false)]
    [InlineData(StreamErrorCode.InvalidRecord, false, false, false)]
    [InlineData(StreamErrorCode.InvalidProducerEpoch, false, false, false)]
    [InlineData(StreamErrorCode.OutOfOrderSequenceNumber, true, false, false)]
    [InlineData(StreamErrorCode.PartitionOffline, true, false, false)]
    public void IsRepeated_OfAFailure_IsTrueOnlyWhereTheRecordsAreStoredOnceThen(
        StreamErrorCode code, bool isUnknown, bool withIdentity, bool withoutIdentity)
    {
        var error = new StreamError(code, "") { OutcomeUnknown = isUnknown };
        Assert.Equal((withIdentity, withoutIdentity),
            (AppendRetry.IsRepeated(error, hasIdentity: true), AppendRetry.IsRepeated(error, hasIdentity: false)));
    }

    [Fact]
    public void TryNext_EachTime_PausesTwiceAsLongWithinTheBoundAndItsJitter()
    {
        var lengths = new HashSet<double>();
        for (var round = 0; round < 50; round++)
        {
            var retry = new AppendRetry(_time, TimeSpan.FromHours(1));
            var expectedMs = AppendingLimits.RetryBackoff.TotalMilliseconds;
            for (var i = 0; i < 40; i++)
            {
                Assert.True(retry.TryNext(out var pause));
                Assert.InRange(pause.TotalMilliseconds, expectedMs * 0.8, expectedMs * 1.2);
                expectedMs = Math.Min(expectedMs * 2, AppendingLimits.RetryBackoffMax.TotalMilliseconds);
                lengths.Add(pause.TotalMilliseconds);
            }
        }

        // Requests that failed together do not come back together.
        Assert.True(lengths.Count > 1_000);
    }

    [Fact]
    public void TryNext_WhenTheTimeWouldBeOver_IsFalse()
    {
        var retry = new AppendRetry(_time, TimeSpan.FromSeconds(1));
        Assert.Equal(1_000, retry.LeftMs);
        _time.Advance(TimeSpan.FromMilliseconds(870));
        Assert.True(retry.TryNext(out _));
        Assert.False(retry.TryNext(out _));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(0, retry.LeftMs);
        Assert.False(new AppendRetry(_time, TimeSpan.Zero).TryNext(out _));
    }

    [Fact]
    public async Task Call_WhenItIsLostOrRefused_IsMadeAgainUntilTheTimeIsOverAndThenToldAsItWas()
    {
        var calls = 0;
        var call = AppendRetry.CallAsync(_time, TimeSpan.FromSeconds(15), random: null, () => (++calls) switch
        {
            1 => throw new SiloUnavailableException("gone"),
            2 => throw new TimeoutException(),
            3 => throw new StreamException(new StreamError(StreamErrorCode.CoordinatorNotAvailable, "")),
            4 => throw new TaskCanceledException("The activation did not begin in time."),
            _ => Task.FromResult(calls),
        });
        await AdvanceUntilAsync(call);
        Assert.Equal(5, await call);

        var lost = AppendRetry.CallAsync<int>(_time, TimeSpan.FromSeconds(3), random: null, () => throw new SiloUnavailableException("gone"));
        await AdvanceUntilAsync(lost);
        await Assert.ThrowsAsync<SiloUnavailableException>(() => lost);
        await Assert.ThrowsAsync<InvalidOperationException>(
            () => AppendRetry.CallAsync<int>(_time, TimeSpan.FromSeconds(3), random: null, () => throw new InvalidOperationException()));
    }

    [Fact]
    public async Task Call_WhenItIsMadeAgain_PausesByTheGivenSource()
    {
        var calls = 0;
        var call = AppendRetry.CallAsync(
            _time, TimeSpan.FromSeconds(3), new LeastSource(), () => ++calls == 1 ? throw new TimeoutException() : Task.FromResult(calls));

        var shortest = AppendingLimits.RetryBackoff * (1 - AppendingLimits.RetryJitter);
        _time.Advance(shortest - TimeSpan.FromMilliseconds(1));
        Assert.False(call.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(2, await call.WaitAsync(Wait.Patience, TestContext.Current.CancellationToken));
    }

    private async Task AdvanceUntilAsync(Task done)
    {
        while (!done.IsCompleted)
        {
            _time.Advance(TimeSpan.FromMilliseconds(50));
            await Task.Yield();
        }
    }

    /// <summary>Always chooses the least, and so the shortest pause.</summary>
    private sealed class LeastSource : RandomSource
    {
        public override double NextDouble() => 0;
    }
}
