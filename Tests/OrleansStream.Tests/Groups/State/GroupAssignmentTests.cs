using OrleansStream.Groups.State;

namespace OrleansStream.Tests.Groups.State;

/// <summary>Changes that come together make one assignment, and none is put off for long.</summary>
public sealed class GroupAssignmentTests
{
    private const int MemberCount = 1_000;
    private readonly GroupRun _run = new();
    private long _nowMs;
    private int _assignments;

    public GroupAssignmentTests()
    {
        _run.SetTopic("a", 1_024);
        _nowMs = _run.Now.MonotonicMs;
    }

    private GroupState State => _run.State;

    private GroupTime Now => new(_nowMs, _run.Now.UnixMs);

    [Fact]
    public void Poll_WhenAThousandJoinOneAfterTheOther_MakesOneAssignmentBehindTheFirst()
    {
        for (var i = 0; i < MemberCount; i++, _nowMs++)
            Join(i);
        Assert.Equal(1, _assignments);
        _nowMs += GroupStateLimits.RebalanceDelayMs - 2;
        Assert.Equal(1, State.RebalanceDueMs(Now));
        Tick();
        Assert.Equal(1, _assignments);
        _nowMs++;
        Tick();
        Assert.Equal(2, _assignments);
        Assert.All(State.Members, member => Assert.InRange(member.Target.Count, 1, 2));
        Assert.Null(State.RebalanceDueMs(Now));
    }

    [Fact]
    public void Poll_WhenAThousandHaveComeTogether_MakesOneAssignmentForAll()
    {
        for (var i = 0; i < MemberCount; i++)
        {
            // Slow enough that each would be assigned by itself.
            State.ExpectedPolls = MemberCount - 1 - i;
            Join(i);
            _nowMs++;
            Tick();
        }

        Assert.Equal(0, _assignments);
        _nowMs += GroupStateLimits.RebalanceDelayMs;
        Tick();
        Assert.Equal(1, _assignments);
        Assert.Equal(1_024, State.Members.Sum(member => member.Target.Count));
    }

    [Fact]
    public void Poll_WhenOthersAreExpectedAndDoNotCome_AssignsTheLoneMemberWhenTheyCannotComeAnyMore()
    {
        State.ExpectedPolls = 1;
        Join(0);
        Assert.Equal((0, (long)GroupStateLimits.RebalanceDelayMaxMs), (_assignments, State.RebalanceDueMs(Now)));
        State.ExpectedPolls = 0;
        Assert.Equal(0, State.RebalanceDueMs(Now));
        Tick();
        Assert.Equal(1, _assignments);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Poll_WhenJoinsDoNotEnd_MakesAnAssignmentEveryTwoSeconds(int expected)
    {
        const int everyMs = 100, count = 200;
        Join(0);
        State.ExpectedPolls = expected;
        var firstMs = _nowMs;
        for (var i = 1; i <= count; i++)
        {
            _nowMs += everyMs;
            Join(i);
        }

        // Each begins with the first change behind the one before.
        long longestMs = GroupStateLimits.RebalanceDelayMaxMs + everyMs;
        Assert.InRange(_assignments - 1, (_nowMs - firstMs) / longestMs, (_nowMs - firstMs) / GroupStateLimits.RebalanceDelayMaxMs);
    }

    [Fact]
    public void Leave_WhenNothingElseChanges_IsAnsweredByAnAssignmentSoonAfter()
    {
        Join(0);
        Join(1);
        _nowMs += GroupStateLimits.RebalanceDelayMs;
        Tick();
        Join(2);
        _nowMs += GroupStateLimits.RebalanceDelayMs;
        Tick();
        Assert.Equal(3, _assignments);
        Count(State.Leave("m0002", epoch: null, Now));
        _nowMs += GroupStateLimits.RebalanceDelayMs;
        Tick();
        Assert.Equal(4, _assignments);
    }

    private void Join(int member) => Count(State.Poll(
        new PollCommand($"m{member:D4}", ["a"], [new TopicLookup("a", _run.Topics["a"])], null, [], 3_600_000, null), Now));

    private void Tick() => Count(State.Tick(Now));

    private void Count<T>(Handled<T> handled) => _assignments += handled.Events.Count(change => change is TargetAssigned);
}
