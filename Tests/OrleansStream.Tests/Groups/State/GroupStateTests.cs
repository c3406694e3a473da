using System.Text.Json;
using OrleansStream.Errors;
using OrleansStream.Groups.State;
using OrleansStream.Persistence;

namespace OrleansStream.Tests.Groups.State;

/// <summary>The cases that a group must get right, one by one.</summary>
public sealed class GroupStateTests
{
    private static readonly string[] Topics = ["a"];
    private readonly GroupRun _run = new();

    public GroupStateTests() => _run.SetTopic("a", 4);

    [Fact]
    public void Poll_WhenTheGroupIsNew_AssignsAllAtOnce() =>
        Assert.Equal(4, _run.Poll("m1", Topics).Assigned.Count);

    [Fact]
    public void Poll_WhenAnotherJoined_TheOldOwnerLetsGoBeforeTheNewOneGets()
    {
        var first = _run.Poll("m1", Topics);
        Assert.Empty(_run.Poll("m2", Topics).Assigned);
        _run.Pass(1_000);
        Assert.Empty(_run.Poll("m2", Topics).Assigned);
        Assert.True(_run.State.HasNews("m1", first.Epoch));

        var second = _run.Poll("m1", Topics);
        Assert.Equal(2, second.Assigned.Count);
        Assert.NotEqual(first.Epoch, second.Epoch);
        var taken = _run.Poll("m2", Topics).Assigned;
        Assert.Equal(2, taken.Count);
        // What m1 had done with its last answer was committed before m2 could start there.
        Assert.All(taken, partition => Assert.Equal(1, _run.Position(partition)));
    }

    [Fact]
    public void Poll_WhenTheLeaseEnded_CommitsNothingAndJoinsAgain()
    {
        _run.Poll("m1", Topics);
        _run.Poll("m2", Topics);
        _run.Pass(GroupRun.LeaseMs);
        var answer = _run.Poll("m1", Topics);
        Assert.Equal(StreamErrorCode.FencedMemberEpoch, answer.Refusal!.Code);
        Assert.Empty(_run.State.Offsets);
        Assert.Null(_run.Poll("m1", Topics).Refusal);
    }

    [Fact]
    public void Commit_WhenThePartitionWasGivenUp_IsRefused()
    {
        _run.Poll("m1", Topics);
        _run.Poll("m2", Topics);
        _run.Pass(1_000);
        var kept = _run.Poll("m1", Topics).Assigned;
        var given = Enumerable.Range(0, 4).Select(p => new TopicPartition(_run.Topics["a"].Id, p)).First(p => !kept.Contains(p));
        Assert.Equal(StreamErrorCode.StaleMemberEpoch, _run.Commit("m1", given, 40).Refusal!.Code);
        Assert.Equal(1, _run.Position(given));
        Assert.Null(_run.Commit("m1", kept.First(), 40).Refusal);
        Assert.Equal(40, _run.Position(kept.First()));
    }

    [Fact]
    public void Commit_WhenItsOffsetIsBelowTheCommittedOne_ChangesNothing()
    {
        var partition = _run.Poll("m1", Topics).Assigned.First();
        _run.Commit("m1", partition, 40);
        Assert.Null(_run.Commit("m1", partition, 39).Refusal);
        Assert.Equal(40, _run.Position(partition));
    }

    [Fact]
    public void Poll_WhenTheProcessIsNew_KeepsThePartitionsAndFencesTheOldProcess()
    {
        var old = _run.Poll("m1", Topics);
        _run.Poll("m2", Topics);
        var now = _run.Poll("m1/new", Topics);
        Assert.Equal(old.Assigned, now.Assigned);
        var refused = _run.Poll("m1", Topics);
        Assert.Equal((StreamErrorCode.FencedMemberEpoch, 0L), (refused.Refusal!.Code, refused.Epoch));
        // Without a cursor the old process takes the place back: the last that started goes on.
        Assert.Null(_run.Poll("m1", Topics, isRestart: true).Refusal);
        Assert.Equal(StreamErrorCode.FencedMemberEpoch, _run.Poll("m1/new", Topics).Refusal!.Code);
    }

    [Fact]
    public void Poll_WhenAnAnswerWasLost_IsToldTheNewEpochAndGoesOn()
    {
        _run.Poll("m1", Topics);
        _run.Poll("m2", Topics);
        _run.Pass(1_000);
        _run.Poll("m1", Topics);
        var retried = _run.Poll("m1", Topics, isStale: true);
        Assert.Equal((StreamErrorCode.StaleMemberEpoch, 2), (retried.Refusal!.Code, retried.Assigned.Count));
        Assert.Null(_run.Poll("m1", Topics).Refusal);
    }

    [Fact]
    public void Leave_WhenSomeoneIsLeft_GivesItAllAndKeepsTheOthersEpochs()
    {
        _run.Settle(new Dictionary<string, string[]> { ["m1"] = Topics, ["m2"] = Topics, ["m3"] = Topics, ["m4"] = Topics });
        var before = _run.State.Members.ToDictionary(member => member.Id);
        _run.Leave("m4");
        _run.Pass(1_000);
        var changed = _run.State.Members.Where(member => _run.State.HasNews(member.Id, member.Epoch)).ToList();
        var taker = Assert.Single(changed);
        Assert.True(_run.Poll(taker.Id, Topics).Assigned.Count == 2);
        Assert.All(_run.State.Members.Where(member => member.Id != taker.Id), member => Assert.Equal(before[member.Id], member));
    }

    [Fact]
    public void Commit_WhenTheCommittedOffsetIsBeyondTheEnd_TakesItsPlaceOnceAndLaterOnesCount()
    {
        var partition = _run.Poll("m1", Topics).Assigned.First();
        _run.Commit("m1", partition, 100);
        _run.GoBack("m1", partition, to: 3, believed: 100);
        Assert.Equal(4, _run.Position(partition));
        // Said again, or late: the offset that it was to replace is none any more.
        _run.GoBack("m1", partition, to: 3, believed: 100);
        Assert.Equal(4, _run.Position(partition));
    }

    [Fact]
    public void Poll_WhenTheMemberLeft_JoinsOnlyWhereItMay()
    {
        _run.Poll("m1", Topics);
        _run.Leave("m1");
        Assert.Equal(StreamErrorCode.UnknownMemberId, _run.Wait("m1").Refusal!.Code);
        Assert.Equal(StreamErrorCode.UnknownMemberId, _run.Poll("m1", Topics, neverJoins: true).Refusal!.Code);
        Assert.Empty(_run.State.Members);
        Assert.Null(_run.Delete());
        _run.Poll("m1", Topics, neverJoins: true);
        Assert.False(_run.State.Exists);
        Assert.Null(_run.Poll("m1", Topics, isRestart: true).Refusal);
    }

    [Fact]
    public void UpdateTopics_WhenPartitionsAreAdded_TheyAreNewAndTheOthersAreNot()
    {
        _run.Poll("m1", Topics);
        _run.SetTopic("a", 6);
        _run.SetTopic("a", 7);
        Assert.Equal([4, 5, 6], Enumerable.Range(0, 7).Where(_run.State.Topics["a"].IsNew));
        _run.Reactivate(clockShiftMs: 0);
        Assert.Equal([4, 5, 6], Enumerable.Range(0, 7).Where(_run.State.Topics["a"].IsNew));
        // An answer that was on its way for long.
        _run.State.UpdateTopics([new TopicLookup("a", _run.Topics["a"] with { PartitionCount = 5 })], _run.Now);
        Assert.Equal(7, _run.State.Topics["a"].PartitionCount);
    }

    [Fact]
    public void UpdateTopics_WhenATopicComesAfterItWasAskedFor_IsAllNew()
    {
        _run.Poll("m1", ["a", "later"]);
        Assert.Equal(["later"], _run.State.UnknownTopicsOf("m1"));
        _run.SetTopic("later", 2);
        Assert.Equal([0, 1], Enumerable.Range(0, 2).Where(_run.State.Topics["later"].IsNew));
        Assert.Empty(_run.State.UnknownTopics);
        // Another group finds it there.
        var other = new GroupRun();
        other.SetTopic("later", 2);
        other.Poll("m1", ["later"]);
        Assert.DoesNotContain(true, Enumerable.Range(0, 2).Select(other.State.Topics["later"].IsNew));
    }

    [Fact]
    public void Restore_OfADocumentFromBeforePartitionsWereTold_KnowsNoneAsNew()
    {
        const string older = """{"is":"topics","topics":[{"name":"a","id":"00000001-0000-0000-0000-000000000000","partitionCount":4}],"groupEpoch":1}""";
        var topics = Assert.IsType<TopicsChanged>(JsonSerializer.Deserialize<GroupEvent>(older, StateDocument.Json));
        Assert.DoesNotContain(true, Enumerable.Range(0, 4).Select(topics.Topics[0].IsNew));
        // And what an older server does not know is not written where there is nothing to tell.
        Assert.DoesNotContain("newFrom", JsonSerializer.Serialize<GroupEvent>(topics, StateDocument.Json), StringComparison.Ordinal);
    }

    [Fact]
    public void Poll_WhenMembersAskForManyTopicsThatDoNotExist_IsRefusedBeyondTheBound()
    {
        string[] Names(int from, int count) => [.. Enumerable.Range(from, count).Select(i => new string('x', 240) + i)];
        Assert.Null(_run.Poll("m1", Names(0, 100)).Refusal);
        Assert.Null(_run.Poll("m2", Names(100, 100)).Refusal);
        var refused = _run.Poll("m3", ["a", .. Names(200, 1)]);
        Assert.Equal((StreamErrorCode.PolicyViolation, 0L), (refused.Refusal!.Code, refused.Epoch));
        Assert.Null(_run.State.FindMember("m3"));
        // The same names again, and again: each member's are stored.
        var members = Enumerable.Range(4, 30).TakeWhile(i => _run.Poll($"m{i}", Names(0, 100)).Refusal is null).Count();
        Assert.Equal(GroupStateLimits.UnknownTopicBytesMax / Names(0, 100).Sum(name => name.Length) - 2, members);
        // One that asks for what exists is taken, and one that asks for less.
        Assert.Null(_run.Poll("m3", Topics).Refusal);
        Assert.Null(_run.Poll("m2", Topics).Refusal);
    }

    [Fact]
    public void Freeze_WhenTheCoordinatorStoodStill_EndsNoLease()
    {
        var before = _run.Poll("m1", Topics);
        _run.Freeze(60_000);
        _run.Pass(1_000);
        Assert.Null(_run.Poll("m1", Topics).Refusal);
        Assert.Equal(before.Epoch, _run.State.FindMember("m1")!.Epoch);
    }

    [Fact]
    public void Reactivate_WhenLeasesWereAlmostOver_GivesEveryoneAFullOne()
    {
        _run.Poll("m1", Topics);
        _run.Pass(GroupRun.LeaseMs - 1_000);
        _run.Reactivate(clockShiftMs: -500_000);
        _run.Pass(GroupRun.LeaseMs - 1_000);
        Assert.NotNull(_run.State.FindMember("m1"));
        _run.Pass(1_000);
        Assert.Null(_run.State.FindMember("m1"));
    }

    [Fact]
    public void UpdateTopics_WhenATopicIsCreatedAgain_KeepsNoOffsetOfTheOldOne()
    {
        var partition = _run.Poll("m1", Topics).Assigned.First();
        _run.Commit("m1", partition, 40);
        _run.DeleteTopic("a");
        Assert.Empty(_run.State.Offsets);
        _run.SetTopic("a", 2);
        Assert.Equal(2, _run.Poll("m1", Topics).Assigned.Count(p => p.TopicId == _run.Topics["a"].Id && _run.Position(p) == 0));
    }

    [Fact]
    public void Reset_WhenTheGroupHasMembers_IsRefused()
    {
        var partition = _run.Poll("m1", Topics).Assigned.First();
        Assert.Equal(StreamErrorCode.NonEmptyGroup, _run.Reset(partition, 7)!.Code);
        _run.Leave("m1");
        Assert.Null(_run.Reset(partition, 7));
        Assert.Equal(7, _run.Position(partition));
        Assert.Null(_run.Reset(partition, 3));
        Assert.Equal(3, _run.Position(partition));
    }

    [Fact]
    public void Commit_WhenMetadataIsTooLong_KeepsNothing()
    {
        var partition = _run.Poll("m1", Topics).Assigned.First();
        Assert.Null(_run.Commit("m1", partition, 5, new string('x', GroupStateLimits.MetadataBytesMax)).Refusal);
        var refused = _run.Commit("m1", partition, 6, new string('x', GroupStateLimits.MetadataBytesMax + 1));
        Assert.Equal(StreamErrorCode.OffsetMetadataTooLarge, refused.Refusal!.Code);
        Assert.Equal(5, _run.Position(partition));
    }

    [Fact]
    public void Tick_WhenTheGroupIsEmptyForTheRetention_ForgetsOffsetsAndGroup()
    {
        var partition = _run.Poll("m1", Topics).Assigned.First();
        _run.Commit("m1", partition, 5);
        _run.Leave("m1");
        var state = GroupState.Restore(_run.State.ToEvents(), _run.Now);
        var last = _run.Now with { UnixMs = _run.Now.UnixMs + GroupStateLimits.OffsetsRetentionMs - 1 };
        Assert.Empty(state.Tick(last).Events);
        state.Tick(last with { UnixMs = last.UnixMs + 1 });
        Assert.False(state.Exists);
        Assert.Empty(state.Offsets);
    }

    [Fact]
    public void Tick_WhenTheLastMemberHasJustLeft_KeepsOldOffsetsForTheRetention()
    {
        var partition = _run.Poll("m1", Topics).Assigned.First();
        _run.Commit("m1", partition, 5);
        var state = GroupState.Restore(_run.State.ToEvents(), _run.Now);
        var later = _run.Now with { UnixMs = _run.Now.UnixMs + 2 * GroupStateLimits.OffsetsRetentionMs };
        state.Leave("m1", epoch: null, later);
        Assert.Empty(state.Tick(later).Events);
        Assert.Equal(5, state.FindOffset(partition)!.Offset);
    }

    [Fact]
    public void Poll_WhenTheGroupWasDeletedAndCameBack_KnowsNoClaimOfTheOldOne()
    {
        _run.Poll("m1", Topics);
        var old = _run.ProcessOf("m1").Claim!.Value;
        _run.Leave("m1");
        _run.State.Delete(_run.Now);
        _run.State.Poll(new PollCommand("m1", ["a"], [new TopicLookup("a", _run.Topics["a"])], null, [], GroupRun.LeaseMs, null), _run.Now);
        Assert.True(_run.State.FindMember("m1")!.Since <= old.Epoch);
        var answer = _run.State.Renew("m1", old, _run.Now).Answer;
        Assert.Equal(StreamErrorCode.FencedMemberEpoch, answer.Refusal!.Code);
    }

    [Fact]
    public void PartitionSet_WhenWrittenAndRead_IsTheSame()
    {
        var topics = new[] { Guid.NewGuid(), Guid.NewGuid() };
        var set = PartitionSet.Of(topics.SelectMany(id => new[] { 0, 1, 2, 5, 7, 8 }.Select(p => new TopicPartition(id, p))));
        Assert.Equal(set, PartitionSet.Parse(set.ToString()));
        Assert.Contains(":0-2,5,7-8", set.ToString(), StringComparison.Ordinal);
        Assert.Equal(PartitionSet.Empty, PartitionSet.Parse(""));
        Assert.Throws<FormatException>(() => PartitionSet.Parse("nonsense"));
    }
}
