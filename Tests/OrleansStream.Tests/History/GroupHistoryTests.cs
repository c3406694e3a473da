using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.History;

/// <summary>The judge of a group's history finds each kind of violation when it is planted, and nothing where nothing is wrong.</summary>
public sealed class GroupHistoryTests
{
    private readonly GroupHistory _history = new();
    private readonly Dictionary<int, long> _committed = new() { [0] = 2, [1] = 1 };
    private long _now;

    public GroupHistoryTests()
    {
        foreach (var place in new Place[] { new(0, 0), new(0, 1), new(1, 0) })
            _history.Acked(place);
        Poll("anna", 0, [], 1, [0, 1], new(0, 0), new(1, 0));
        Poll("anna", 1, [(0, 1), (1, 1)], 1, [0, 1], new Place(0, 1));
    }

    [Fact]
    public void Check_WhenAPartitionMovesAfterItsOwnerLetGo_FindsNothing()
    {
        Poll("anna", 1, [(0, 2)], 2, [1]);
        Poll("ben", 0, [], 3, [0]);
        Poll("anna", 2, [(1, 1)], 2, [1]);
        Assert.Empty(_history.Check(_committed));
    }

    [Fact]
    public void Check_WhenAnUncommittedRecordComesAgain_FindsNothing()
    {
        Poll("ben", 0, [], 2, [0], new Place(0, 1));
        Assert.Empty(_history.Check(_committed));
    }

    [Fact]
    public void Check_WhenAPollWasSentBeforeTheCommitWasTold_FindsNothing()
    {
        var early = Poll("ben", 0, [], 2, [0], new Place(0, 0));
        Assert.NotEmpty(_history.Check(_committed));
        Move(early, sent: 0);
        Assert.Empty(_history.Check(_committed));
    }

    [Fact]
    public void Check_WhenARecordWasGivenToNobody_SaysSo()
    {
        _history.Acked(new Place(1, 1));
        AssertFinding("was acknowledged, and no member was given it");
    }

    [Fact]
    public void Check_WhenOnlyAnUnansweredPollHadIt_SaysSo()
    {
        _history.Acked(new Place(1, 1));
        Poll("anna", 1, [], 1, [0, 1]).Outcome = GroupPollOutcome.Unknown;
        AssertFinding("was acknowledged, and no member was given it");
    }

    [Fact]
    public void Check_WhenAStaleOwnersCommitIsAccepted_SaysSo()
    {
        Poll("ben", 0, [], 2, [0]);
        Poll("anna", 1, [(0, 2)], 3, [1]);
        AssertFinding("anna committed partition 0 under epoch 1, after ben had it under 2");
    }

    [Fact]
    public void Check_WhenARefusedCommitWasStale_FindsNothing()
    {
        Poll("ben", 0, [], 2, [0]);
        Poll("anna", 1, [(0, 2)], 3, [1]).Outcome = GroupPollOutcome.Refused;
        Assert.Empty(_history.Check(_committed));
    }

    [Fact]
    public void Check_WhenTwoHaveAPartition_SaysSo()
    {
        Poll("ben", 0, [], 2, [0]);
        Poll("anna", 0, [], 1, [0, 1]);
        AssertFinding("anna has partition 0 under epoch 1, after ben had it under 2");
    }

    [Fact]
    public void Check_WhenTwoHaveAnEpoch_SaysSo()
    {
        Poll("ben", 0, [], 1, []);
        AssertFinding("epoch 1 means");
    }

    [Fact]
    public void Check_WhenACommittedRecordComesAgain_SaysSo()
    {
        Poll("anna", 1, [], 1, [0, 1], new Place(0, 0));
        AssertFinding("was given Place { Partition = 0, Offset = 0 } again");
    }

    [Fact]
    public void Check_WhenAProcessIsNotGivenWhatFollows_SaysSo()
    {
        Poll("anna", 1, [(0, 2)], 1, [0, 1], new Place(0, 3));
        AssertFinding("where 2 follows");
    }

    [Fact]
    public void Check_WhenACommittedOffsetIsGone_SaysSo()
    {
        _committed[0] = 0;
        AssertFinding("partition 0 was committed up to 1, and is at 0");
    }

    private GroupPollEvent Poll(
        string member, long claim, (int Partition, long Offset)[] commits, long epoch, int[] assignment, params Place[] records)
    {
        var poll = new GroupPollEvent(member, 1, ++_now, claim, commits.ToDictionary(commit => commit.Partition, commit => commit.Offset))
        {
            Outcome = GroupPollOutcome.Accepted,
            Ended = ++_now,
            Epoch = epoch,
            Assignment = assignment,
            Records = records,
        };
        _history.Sent(poll);
        return poll;
    }

    // The same poll, sent earlier: the one that it replaces is told apart by having no answer.
    private void Move(GroupPollEvent poll, long sent)
    {
        _history.Sent(poll with { Sent = sent });
        poll.Outcome = GroupPollOutcome.Unknown;
    }

    private void AssertFinding(string words) =>
        Assert.Contains(_history.Check(_committed), finding => finding.Contains(words, StringComparison.Ordinal));
}
