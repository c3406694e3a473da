using OrleansStream.Errors;
using OrleansStream.Groups.State;

namespace OrleansStream.Tests.Groups.State;

/// <summary>Members that say what they have (KIP-848), each rule by itself.</summary>
public sealed class GroupHeartbeatTests
{
    private const int LeaseMs = 10_000, RebalanceMs = 6_000;
    private static readonly GroupTopic Jobs = new("jobs", Guid.NewGuid(), 4);

    private readonly GroupState _group = new();
    private GroupTime _now = new(1_000_000, 1_700_000_000_000);

    [Fact]
    public void Join_OfTheFirst_GivesItAll()
    {
        var answer = Beat("a", 0);
        Assert.Null(answer.Refusal);
        Assert.Equal([0, 1, 2, 3], Numbers(answer.Assigned));
        Assert.False(answer.IsSettled);
        var settled = Beat("a", answer.Epoch, owned: answer.Assigned);
        Assert.Null(settled.Assigned);
        Assert.True(settled.IsSettled);
    }

    [Fact]
    public void Partition_MovesOnlyOnceItsOwnerSaysThatItLetGo()
    {
        var a = Beat("a", 0);
        var all = a.Assigned!;
        Beat("b", 0);
        Pass(500);
        Assert.True(Beat("b", Epoch("b")).Assigned is null or { Count: 0 });
        a = Beat("a", Epoch("a"), owned: all);
        var kept = a.Assigned!;
        Assert.Equal(2, kept.Count);
        // It has not said so yet.
        Assert.Equal(4, _group.FindMember("a")!.Assigned.Count);
        Assert.Null(Beat("a", Epoch("a")).Assigned);
        Assert.Empty(_group.FindMember("b")!.Assigned);
        Assert.True(_group.IsOwner("a", all.Except(kept).First()));
        Beat("a", Epoch("a"), owned: kept);
        var b = Beat("b", Epoch("b"), owned: PartitionSet.Empty);
        Assert.Equal(all.Except(kept), b.Assigned);
    }

    [Fact]
    public void Member_ThatDoesNotLetGoInTime_IsTakenOut()
    {
        var all = Beat("a", 0).Assigned!;
        Beat("b", 0);
        Pass(500);
        Beat("a", Epoch("a"), owned: all);
        for (var waited = 0; waited <= RebalanceMs && _group.FindMember("a") is not null; waited += 1_000)
        {
            Beat("a", Epoch("a"), owned: all);
            Beat("b", Epoch("b"));
            Pass(1_000);
        }

        Assert.Equal(StreamErrorCode.UnknownMemberId, Beat("a", 1, owned: all).Refusal?.Code);
        Assert.Equal(4, Beat("b", Epoch("b")).Assigned?.Count);
    }

    [Fact]
    public void Member_WhoseAnswerWasLost_IsToldAgain()
    {
        var first = Beat("a", 0);
        Beat("b", 0);
        Pass(500);
        var lost = Beat("a", first.Epoch, owned: first.Assigned);
        var again = Beat("a", first.Epoch, owned: first.Assigned);
        Assert.Equal(lost.Assigned, again.Assigned);
        Assert.Equal(lost.Epoch, again.Epoch);
        Assert.Null(_group.CheckConsumerCommit("a", (int)first.Epoch, _now).Answer);
    }

    [Fact]
    public void Member_WithAnEpochThatItNeverHad_IsFenced()
    {
        var first = Beat("a", 0);
        Assert.Equal(StreamErrorCode.FencedMemberEpoch, Beat("a", first.Epoch + 1).Refusal?.Code);
        Assert.Equal(StreamErrorCode.FencedMemberEpoch, _group.CheckConsumerCommit("a", (int)first.Epoch + 1, _now).Answer?.Code);
        Beat("a", 0);
        Assert.Equal(StreamErrorCode.FencedMemberEpoch, Beat("a", first.Epoch).Refusal?.Code);
        Assert.Equal(StreamErrorCode.StaleMemberEpoch, _group.CheckConsumerCommit("a", (int)first.Epoch, _now).Answer?.Code);
        Assert.Equal(StreamErrorCode.UnknownMemberId, Beat("nobody", 3).Refusal?.Code);
    }

    [Fact]
    public void Member_ThatIsSilent_IsTakenOut()
    {
        Beat("a", 0);
        Pass(LeaseMs + 1_000);
        Assert.False(_group.HasMembers);
    }

    [Fact]
    public void Member_ThatLeaves_FreesItsPartitions()
    {
        Beat("a", 0);
        var answer = Beat("a", HeartbeatCommand.LeaveEpoch);
        Assert.Equal((null, HeartbeatCommand.LeaveEpoch), (answer.Refusal, answer.Epoch));
        Assert.Equal(4, Beat("b", 0).Assigned?.Count);
    }

    [Fact]
    public void Static_ThatIsAway_IsReplacedWithoutAMove()
    {
        Beat("a1", 0, instance: "a");
        var b = Beat("b", 0);
        Settle();
        var (hadA, hadB) = (_group.FindMember("a1")!.Assigned, _group.FindMember("b")!.Assigned);
        Assert.Equal(StreamErrorCode.UnreleasedInstanceId, Beat("a2", 0, instance: "a").Refusal?.Code);
        Assert.Equal(HeartbeatCommand.AwayEpoch, Beat("a1", HeartbeatCommand.AwayEpoch, instance: "a").Epoch);
        Assert.NotNull(_group.FindMember("a1"));
        var back = Beat("a2", 0, instance: "a");
        Assert.Equal(hadA, back.Assigned);
        Settle();
        Assert.Null(_group.FindMember("a1"));
        Assert.Equal((hadA, hadB), (_group.FindMember("a2")!.Assigned, _group.FindMember("b")!.Assigned));
        Assert.NotNull(b);
    }

    [Fact]
    public void Static_ThatStaysAway_LosesItsPartitionsWithItsLease()
    {
        Beat("a1", 0, instance: "a");
        Beat("a1", HeartbeatCommand.AwayEpoch, instance: "a");
        Pass(LeaseMs + 1_000);
        Assert.False(_group.HasMembers);
    }

    [Fact]
    public void Join_WithAnUnknownAssignor_IsRefused() =>
        Assert.Equal(StreamErrorCode.UnsupportedAssignor, Beat("a", 0, assignor: "unheard-of").Refusal?.Code);

    [Fact]
    public void Join_WithPartitionsOrWithoutTopics_IsRefused()
    {
        Assert.Equal(StreamErrorCode.InvalidRequest, Beat("a", 0, owned: PartitionSet.Of([new(Jobs.Id, 0)])).Refusal?.Code);
        var command = new HeartbeatCommand("a", 0, new ConsumerMember(null, "a", "/", RebalanceMs), Topics: null, [], null, null, LeaseMs);
        Assert.Equal(StreamErrorCode.InvalidRequest, _group.Heartbeat(command, _now).Answer.Refusal?.Code);
    }

    /// <summary>A poll confirms everything at once, so what a member that polls has comes after its next poll.</summary>
    [Fact]
    public void Partitions_MoveBetweenMembersOfBothKinds()
    {
        var polled = Poll("anna", claim: null);
        Assert.Equal(4, polled.Assigned.Count);
        Beat("a", 0);
        Pass(500);
        Assert.True(Beat("a", Epoch("a")).Assigned is null or { Count: 0 });
        polled = Poll("anna", new MemberClaim(polled.Incarnation, polled.Epoch));
        Assert.Equal(2, polled.Assigned.Count);
        var answer = Beat("a", Epoch("a"));
        Assert.Equal(2, answer.Assigned?.Count);
        Assert.Empty(polled.Assigned.Intersect(answer.Assigned!));
    }

    [Fact]
    public void Commits_AreKeptAsTheyAreGiven()
    {
        Beat("a", 0);
        Assert.Equal([null, null, StreamErrorCode.UnknownTopicOrPartition, StreamErrorCode.OffsetMetadataTooLarge], Keep(
            (0, 10, ""), (1, 1_000_000, "far"), (4, 1, ""), (2, 1, new string('m', GroupStateLimits.MetadataBytesMax + 1))));
        Assert.Equal(1_000_000, _group.FindOffset(new(Jobs.Id, 1))?.Offset);
        // Back, and none.
        Keep((0, 3, ""), (1, -1, ""));
        Assert.Equal(3, _group.FindOffset(new(Jobs.Id, 0))?.Offset);
        Assert.Null(_group.FindOffset(new(Jobs.Id, 1)));
    }

    [Fact]
    public void Commit_OfATopicThatThereIsNot_MakesNoGroup()
    {
        Assert.Equal([StreamErrorCode.UnknownTopicOrPartition],
            _group.Keep([new OffsetCommit(new(Guid.NewGuid(), 0), 1)], [], _now).Answer.Select(one => one?.Code));
        Assert.False(_group.Exists);
    }

    /// <summary>Records that failed wait where only members that poll know how to read them.</summary>
    [Fact]
    public void RetryTopics_StayWithMembersThatPoll()
    {
        var retry = new GroupTopic("jobs.g.retry", Guid.NewGuid(), 1);
        _group.SetRetry(new RetryPolicy("g", 3, [], 0, InPlace: false, DeadLetterTopic: null), _now);
        Beat("a", 0);
        _group.UpdateTopics([new TopicLookup(retry.Name, retry)], _now);
        Pass(500);
        Assert.DoesNotContain(Beat("a", Epoch("a"), owned: _group.FindMember("a")!.Assigned).Assigned ?? _group.FindMember("a")!.Assigned, one => one.TopicId == retry.Id);
        var polled = Poll("anna", claim: null);
        _group.UpdateTopics([new TopicLookup(retry.Name, retry)], _now);
        for (var i = 0; i < 4; i++)
        {
            Pass(500);
            Beat("a", Epoch("a"), owned: Told("a"));
            polled = Poll("anna", new MemberClaim(polled.Incarnation, polled.Epoch));
        }

        Assert.Contains(polled.Assigned, one => one.TopicId == retry.Id);
    }

    private StreamErrorCode?[] Keep(params (int Partition, long Offset, string Metadata)[] offsets) => [.. _group.Keep(
        [.. offsets.Select(one => new OffsetCommit(new(Jobs.Id, one.Partition), one.Offset, one.Metadata))], [new TopicLookup(Jobs.Name, Jobs)], _now)
            .Answer
        .Select(refusal => refusal?.Code)];

    private MemberAnswer Poll(string member, MemberClaim? claim) => _group.Poll(
        new PollCommand(member, [Jobs.Name], [new TopicLookup(Jobs.Name, Jobs)], claim, [], LeaseMs, Assignor: null), _now).Answer;

    private HeartbeatAnswer Beat(string member, long epoch, PartitionSet? owned = null, string? instance = null, string? assignor = null) =>
        _group.Heartbeat(
        new HeartbeatCommand(
            member, (int)epoch, new ConsumerMember(instance, member, "/", RebalanceMs), epoch == 0 ? [Jobs.Name] : null, [new TopicLookup(Jobs.Name, Jobs)], assignor, owned, LeaseMs),
        _now).Answer;

    private long Epoch(string member) => _group.FindMember(member)!.Epoch;

    private PartitionSet Told(string member) =>
        PartitionSet.Of(_group.FindMember(member)!.Assigned.Except(_group.FindMember(member)!.Revoking));

    private void Settle()
    {
        for (var i = 0; i < 4; i++)
        {
            Pass(500);
            foreach (var member in _group.Members.Where(member => member.Consumer!.IsAway == false).ToArray())
                Beat(member.Id, member.Epoch, owned: Told(member.Id), instance: member.Consumer!.InstanceId);
        }
    }

    private void Pass(int ms)
    {
        for (var left = ms; left > 0; left -= 500)
        {
            _now = new GroupTime(_now.MonotonicMs + 500, _now.UnixMs + 500);
            _group.Tick(_now);
        }
    }

    private static int[] Numbers(PartitionSet? partitions) => [.. (partitions ?? PartitionSet.Empty).Select(one => one.Partition)];
}
