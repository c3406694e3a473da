using System.Collections.Immutable;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Errors;
using OrleansStream.Gateway.Groups;
using OrleansStream.Gateway.Security;
using OrleansStream.Groups;

namespace OrleansStream.Tests.Groups;

/// <summary>Calls to a group that moves are made again until its time is over; then each caller is told what it is documented to be.</summary>
public sealed class MovingGroupTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3), CallMax = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task Call_WhileTheGroupMoves_IsMadeAgain()
    {
        var calls = 0;
        var call = GroupRetry.CallAsync(_time, Patience, CallMax, () => (++calls) switch
        {
            1 => throw new SiloUnavailableException("gone"),
            2 => throw new TimeoutException(),
            3 => throw new StreamException(new StreamError(StreamErrorCode.CoordinatorNotAvailable, "")),
            4 => throw new StreamException(new StreamError(StreamErrorCode.NotLeaderOrFollower, "")),
            5 => throw new TaskCanceledException("The activation did not begin in time."),
            _ => Task.FromResult(calls),
        }, TestContext.Current.CancellationToken);

        await AdvanceUntilAsync(call);
        Assert.Equal(6, await call);
    }

    [Fact]
    public async Task Call_WithoutAnAnswer_IsMadeAgain()
    {
        var calls = 0;
        var call = GroupRetry.CallAsync(
            _time, Patience, CallMax, () => ++calls == 1 ? new TaskCompletionSource<int>().Task : Task.FromResult(calls),
            TestContext.Current.CancellationToken);

        await AdvanceUntilAsync(call);
        Assert.Equal(2, await call);
    }

    [Fact]
    public async Task Call_ThatIsRefused_IsNotMadeAgain()
    {
        var calls = 0;
        Task<int> Refuse()
        {
            calls++;
            throw new StreamException(new StreamError(StreamErrorCode.UnknownMemberId, ""));
        }

        await Assert.ThrowsAsync<StreamException>(
            () => GroupRetry.CallAsync(_time, Patience, CallMax, Refuse, TestContext.Current.CancellationToken));
        Assert.Equal(1, calls);
    }

    // A poll commits: its caller must learn that the outcome is unknown, which the lost call itself says.
    [Fact]
    public async Task Commit_OfAPoll_WhenTheTimeIsOver_ThrowsWhatLostTheLastCall()
    {
        var calls = 0;
        var group = Answering.By<IConsumerGroupGrain>((_, _) =>
        {
            calls++;
            throw new SiloUnavailableException("gone");
        });
        var membership = new GroupMembership(group, _time, "m", new PollOptions
        {
            Topics = ["t"], Cursor = null, RecordsMax = 1, BytesMax = 1, LeaseMs = GroupLimits.LeaseMsDefault,
        });

        var commit = membership.CommitAsync(default, [], TestContext.Current.CancellationToken);

        await AdvanceUntilAsync(commit);
        await Assert.ThrowsAsync<SiloUnavailableException>(() => commit);
        Assert.InRange(calls, 2, int.MaxValue);
    }

    [Fact]
    public async Task Leave_ByAMemberOfKafkasProtocol_WhenTheTimeIsOver_SaysThatTheGroupIsMoving()
    {
        var calls = 0;
        var group = Answering.By<IClassicGroupGrain>((_, _) =>
        {
            calls++;
            throw new SiloUnavailableException("gone");
        });
        var coordinator = new GroupCoordinator(
            AccessControl.Open, known: null!, Answering.By<IGrainFactory>((_, _) => group), patterns: null!, _time);

        var leave = coordinator.LeaveAsync(Caller.Anonymous, "g", [], TestContext.Current.CancellationToken);

        await AdvanceUntilAsync(leave);
        var thrown = await Assert.ThrowsAsync<StreamException>(() => leave);
        Assert.Equal((StreamErrorCode.CoordinatorNotAvailable, "The group is moving: gone"), (thrown.Error.Code, thrown.Error.Detail));
        Assert.InRange(calls, 2, int.MaxValue);
    }

    /// <summary>The first try took the member out and its answer was lost: the repeat finds none, which is what was asked for.</summary>
    [Theory]
    [InlineData(true, null)]
    [InlineData(false, StreamErrorCode.UnknownMemberId)]
    public async Task Leave_ByAMemberThatIsNotThere_IsDoneOnlyWhenAnEarlierTryWasLost(bool wasLost, StreamErrorCode? expected)
    {
        var calls = 0;
        var group = Answering.By<IClassicGroupGrain>((_, _) => wasLost && calls++ == 0
            ? throw new SiloUnavailableException("gone")
            : Task.FromResult(ImmutableArray.Create<StreamError?>(new StreamError(StreamErrorCode.UnknownMemberId, "no such member"))));
        var coordinator = new GroupCoordinator(
            AccessControl.Open, known: null!, Answering.By<IGrainFactory>((_, _) => group), patterns: null!, _time);

        var leave = coordinator.LeaveAsync(Caller.Anonymous, "g", [], TestContext.Current.CancellationToken);

        await AdvanceUntilAsync(leave);
        Assert.Equal(expected, Assert.Single(await leave)?.Code);
    }

    private async Task AdvanceUntilAsync(Task done)
    {
        while (!done.IsCompleted)
        {
            _time.Advance(TimeSpan.FromMilliseconds(50));
            await Task.Yield();
        }
    }
}
