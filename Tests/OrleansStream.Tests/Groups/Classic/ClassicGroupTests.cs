using System.Text;
using OrleansStream.Errors;
using OrleansStream.Groups.Classic;
using OrleansStream.Groups.State;

namespace OrleansStream.Tests.Groups.Classic;

/// <summary>Each rule of the classic protocol by itself.</summary>
public sealed class ClassicGroupTests
{
    private readonly ClassicRun _run = new();

    /// <summary>KIP-394: a member that only asks for an id costs the others nothing.</summary>
    [Fact]
    public void Join_WithoutAnId_IsGivenOneAndJoinsWithIt()
    {
        var client = _run.Join("d0");
        Assert.Equal(StreamErrorCode.MemberIdRequired, client.Refused);
        Assert.Empty(_run.Group.Members);

        _run.Join("d0");
        Assert.NotNull(client.Ticket);
        Assert.Equal(client.Member, Assert.Single(_run.Group.Members).Id);
    }

    [Fact]
    public void Join_OfSeveralAtTheStart_MakesOneGeneration()
    {
        Stabilize("d0", "d1", "d2");
        Assert.Equal(1, _run.Group.Generation);
        Assert.Equal(3, _run.ClientOf("d0").Members.Length);
        Assert.True(_run.ClientOf("d0").IsLeader);
        Assert.Empty(_run.ClientOf("d1").Members);
    }

    [Fact]
    public void Join_WhileStable_AsksTheOthersToJoinAndBeginsWhenAllHave()
    {
        Stabilize("d0", "d1");
        _run.JoinFully("d2");
        Assert.Equal(StreamErrorCode.RebalanceInProgress, _run.Heartbeat("d0")?.Code);
        Assert.Null(_run.Commit("d0"));
        _run.JoinFully("d0");
        Assert.Equal(1, _run.Group.Generation);
        _run.JoinFully("d1");
        Assert.Equal(2, _run.Group.Generation);
        Assert.All(["d0", "d1", "d2"], name => Assert.Equal(2, _run.ClientOf(name).Generation));
        Assert.Equal(StreamErrorCode.RebalanceInProgress, _run.Commit("d0")?.Code);
        Assert.Equal(StreamErrorCode.IllegalGeneration, _run.Commit("d0", back: 1)?.Code);
    }

    [Fact]
    public void Join_OfAMemberThatDoesNotComeBack_BeginsWithoutIt()
    {
        Stabilize("d0", "d1");
        _run.JoinFully("d2");
        _run.JoinFully("d0");
        for (var waited = 0; waited <= ClassicRun.RebalanceMs && _run.Group.Generation == 1; waited += 2_000)
        {
            // It lives, and does not join.
            _run.Heartbeat("d1");
            _run.Pass(2_000);
        }

        Assert.Equal(2, _run.Group.Generation);
        Assert.Equal(["d0", "d2"], _run.Group.Members.Select(member => member.ClientId).Order());
        Assert.Equal(StreamErrorCode.UnknownMemberId, _run.Heartbeat("d1")?.Code);
    }

    [Fact]
    public void Join_WhoseAnswerWasLost_IsAnsweredAgainWithTheSameGeneration()
    {
        _run.JoinFully("d0");
        _run.JoinFully("d1");
        _run.Detach(_run.ClientOf("d1"));
        _run.Pass(2_000);
        Assert.Equal(ClassicPhase.CompletingRebalance, _run.Group.Phase);
        _run.Join("d1");
        Assert.Equal(1, _run.ClientOf("d1").Generation);
        _run.Sync("d0");
        _run.Join("d1");
        Assert.Equal((1, ClassicPhase.Stable), (_run.Group.Generation, _run.Group.Phase));
    }

    [Fact]
    public void Join_ThatIsRepeatedAfterALostCall_IsTheSameMember()
    {
        var command = new JoinCommand("", "once", null, "once", "/", ClassicRun.SessionMs, ClassicRun.RebalanceMs, "consumer", [new ClassicProtocol("range", default)]);
        var first = _run.Group.Join(command, 1, _run.Now);
        var second = _run.Group.Join(command, 2, _run.Now);
        Assert.Equal("once", first.Answer);
        Assert.Equal("once", second.Answer);
        Assert.Equal(1, Assert.Single(second.Deliveries).Ticket);
        Assert.Single(_run.Group.Members);
    }

    [Fact]
    public void Join_OfALeader_BeginsAnew()
    {
        Stabilize("d0", "d1");
        _run.Join("d1");
        Assert.Equal(1, _run.ClientOf("d1").Generation);
        _run.Join("d0");
        Assert.Equal(ClassicPhase.PreparingRebalance, _run.Group.Phase);
    }

    [Fact]
    public void Join_WithOtherMetadata_BeginsAnew()
    {
        Stabilize("d0", "d1");
        _run.ClientOf("d1").Metadata = "other topics";
        _run.Join("d1");
        Assert.Equal(ClassicPhase.PreparingRebalance, _run.Group.Phase);
    }

    [Fact]
    public void Join_WithoutACommonAssignor_IsRefused()
    {
        Stabilize("d0", "d1");
        _run.ClientOf("d2").Assignors = ["unheard-of"];
        Assert.Equal(StreamErrorCode.InconsistentGroupProtocol, _run.Join("d2").Refused);
        _run.ClientOf("d2").Assignors = [];
        Assert.Equal(StreamErrorCode.InconsistentGroupProtocol, _run.Join("d2").Refused);
        Assert.Equal(ClassicPhase.Stable, _run.Group.Phase);
    }

    [Fact]
    public void Join_WithPreferences_ChoosesWhatMostPreferAndAllKnow()
    {
        _run.ClientOf("d0").Assignors = ["mine", "range", "sticky"];
        _run.ClientOf("d1").Assignors = ["sticky", "range"];
        _run.ClientOf("d2").Assignors = ["sticky", "range"];
        Stabilize("d0", "d1", "d2");
        Assert.Equal("sticky", _run.Group.Protocol);
    }

    [Theory]
    [InlineData(ClassicLimits.SessionMsMin - 1)]
    [InlineData(ClassicLimits.SessionMsMax + 1)]
    public void Join_WithASessionOutOfBounds_IsRefused(int sessionMs) => Assert.Equal(
        StreamErrorCode.InvalidSessionTimeout, RefusalOf(One("m") with { SessionMs = sessionMs })?.Code);

    [Fact]
    public void Join_BeyondTheMostMembers_IsRefused()
    {
        for (var i = 0; i < ClassicLimits.MembersMax; i++)
            _run.Group.Join(One($"m{i}") with { RequiresId = i % 2 == 0 }, i + 1, _run.Now);
        Assert.Equal(StreamErrorCode.GroupMaxSizeReached, RefusalOf(One("more"))?.Code);
        Assert.Equal(StreamErrorCode.GroupMaxSizeReached, RefusalOf(One("more") with { RequiresId = true })?.Code);
    }

    [Fact]
    public void Join_WithTooMuchMetadata_IsRefused()
    {
        Assert.Equal(StreamErrorCode.PolicyViolation, RefusalOf(One("m") with { Protocols = [new("range", new byte[ClassicLimits.MemberBytesMax + 1])] })?.Code);
        Assert.Equal(StreamErrorCode.PolicyViolation, RefusalOf(
            One("m") with { Protocols = [.. Enumerable.Range(0, ClassicLimits.ProtocolsMax + 1).Select(i => new ClassicProtocol($"p{i}", default))] })?.Code);
        for (var i = 0; i < ClassicLimits.GroupBytesMax / ClassicLimits.MemberBytesMax; i++)
            Assert.Null(RefusalOf(One($"m{i}") with { Protocols = [new("range", new byte[ClassicLimits.MemberBytesMax])] }));
        Assert.Equal(StreamErrorCode.GroupMaxSizeReached, RefusalOf(One("more") with { Protocols = [new("range", new byte[1])] })?.Code);
    }

    [Fact]
    public void Sync_WithTooLargeAnAssignment_IsRefusedAndTheGenerationIsOver()
    {
        _run.JoinFully("d0");
        _run.Pass(1_000);
        var client = _run.ClientOf("d0");
        var step = _run.Group.Sync(
            new SyncCommand(client.Claim, null, null, [KeyValuePair.Create(client.Member, (ReadOnlyMemory<byte>)new byte[ClassicLimits.AssignmentBytesMax + 1])]), 99, _run.Now);
        Assert.Equal(StreamErrorCode.PolicyViolation, Assert.IsType<SyncDelivery>(Assert.Single(step.Deliveries)).Answer.Refusal?.Code);
        Assert.Equal(ClassicPhase.PreparingRebalance, _run.Group.Phase);
    }

    [Fact]
    public void Sync_BeforeTheLeader_WaitsForIt()
    {
        _run.JoinFully("d0");
        _run.JoinFully("d1");
        _run.Pass(1_000);
        _run.Sync("d1");
        Assert.NotNull(_run.ClientOf("d1").Ticket);
        _run.Sync("d0");
        Assert.StartsWith($"1/{_run.ClientOf("d1").Member}/", _run.ClientOf("d1").Assignment);
    }

    [Fact]
    public void Sync_ThatWaits_IsToldWhenItsGenerationIsOver()
    {
        _run.JoinFully("d0");
        _run.JoinFully("d1");
        _run.Pass(1_000);
        _run.Sync("d1");
        _run.JoinFully("d2");
        Assert.Equal((null, StreamErrorCode.RebalanceInProgress), (_run.ClientOf("d1").Ticket, _run.ClientOf("d1").Refused));
    }

    [Fact]
    public void Sync_ThatDoesNotCome_TakesTheMemberOut()
    {
        _run.JoinFully("d0");
        _run.JoinFully("d1");
        _run.Pass(1_000);
        _run.Sync("d0");
        for (var waited = 0; waited <= ClassicRun.RebalanceMs; waited += 1_000)
        {
            _run.Heartbeat("d0");
            _run.Heartbeat("d1");
            _run.Pass(1_000);
        }

        Assert.Equal("d0", Assert.Single(_run.Group.Members).ClientId);
    }

    [Fact]
    public void Sync_WithAnotherAssignor_IsRefused()
    {
        _run.JoinFully("d0");
        _run.Pass(1_000);
        var step = _run.Group.Sync(new SyncCommand(_run.ClientOf("d0").Claim, "consumer", "unheard-of", []), 99, _run.Now);
        Assert.Equal(StreamErrorCode.InconsistentGroupProtocol, Assert.IsType<SyncDelivery>(Assert.Single(step.Deliveries)).Answer.Refusal?.Code);
    }

    [Fact]
    public void Silence_ForLongerThanASession_TakesTheMemberOut()
    {
        Stabilize("d0", "d1");
        for (var waited = 0; waited < ClassicRun.SessionMs; waited += 1_000)
        {
            Assert.NotEqual(StreamErrorCode.UnknownMemberId, _run.Heartbeat("d0")?.Code);
            _run.Pass(1_000);
        }

        Assert.Equal(StreamErrorCode.UnknownMemberId, _run.Heartbeat("d1")?.Code);
        Assert.Equal(StreamErrorCode.RebalanceInProgress, _run.Heartbeat("d0")?.Code);
    }

    /// <summary>Time in which the coordinator stood still counts against nobody.</summary>
    [Fact]
    public void Silence_OfTheCoordinatorItself_TakesNobodyOut()
    {
        Stabilize("d0", "d1");
        _run.Freeze(ClassicRun.SessionMs * 10);
        Assert.Null(_run.Heartbeat("d0"));
        Assert.Null(_run.Heartbeat("d1"));
    }

    [Fact]
    public void Silence_OfWhoWasGivenAnIdOnly_HoldsNobodyUpForLongerThanItsSession()
    {
        Stabilize("d0");
        _run.Join("d1");
        _run.Join("d0");
        Assert.Equal(ClassicPhase.PreparingRebalance, _run.Group.Phase);
        _run.Pass(ClassicRun.SessionMs + 1_000);
        Assert.Equal(2, _run.ClientOf("d0").Generation);
    }

    [Fact]
    public void Leave_OfTheLast_EmptiesTheGroup()
    {
        Stabilize("d0");
        Assert.Null(_run.Leave("d0"));
        Assert.Equal((ClassicPhase.Empty, 2), (_run.Group.Phase, _run.Group.Generation));
        Assert.False(_run.State.HasMembers);
        Assert.Null(_run.Commit("nobody"));
    }

    [Fact]
    public void Leave_OfSeveral_TellsOfEachByItself()
    {
        Stabilize("d0", "d1", "s4");
        var step = _run.Group.Leave([new(_run.ClientOf("d1").Member, null), new("unheard-of", null), new("", _run.ClientOf("s4").Instance), new("other", _run.ClientOf("s4").Instance)], _run.Now);
        Assert.Equal(
            [null, StreamErrorCode.UnknownMemberId, null, StreamErrorCode.FencedInstanceId],
            step.Answer.Select(refusal => refusal?.Code));
        Assert.Equal("d0", Assert.Single(_run.Group.Members).ClientId);
    }

    /// <summary>KIP-345: a program that restarts within its session costs no rebalance.</summary>
    [Fact]
    public void Static_ThatComesBack_ReadsOnWithoutARebalance()
    {
        Stabilize("d0", "s4");
        var client = _run.ClientOf("s4");
        var (before, assigned) = (client.Claim, client.Assignment);
        _run.Reset(client);
        _run.Join("s4");
        _run.Sync("s4");
        Assert.Equal((1, assigned), (client.Generation, client.Assignment));
        Assert.NotEqual(before.Member, client.Member);
        Assert.Null(_run.Heartbeat("d0"));
        Assert.Equal(StreamErrorCode.FencedInstanceId, _run.Group.Heartbeat(before, _run.Now).Answer?.Code);
        Assert.Equal(StreamErrorCode.FencedInstanceId, _run.Group.CheckCommit(before, _run.Now).Answer?.Code);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Static_LeaderThatComesBack_MakesNoAssignment(bool skips)
    {
        Stabilize("s4", "d1");
        var client = _run.ClientOf("s4");
        Assert.True(client.IsLeader);
        _run.Reset(client);
        _run.Join("s4", skips: skips);
        Assert.Equal((1, skips, skips ? 2 : 0), (client.Generation, client.IsLeader, client.Members.Length));
        Assert.Equal(ClassicPhase.Stable, _run.Group.Phase);
    }

    [Fact]
    public void Static_ThatReadsOtherTopics_BeginsAnew()
    {
        Stabilize("d0", "s4");
        _run.Reset(_run.ClientOf("s4"));
        _run.ClientOf("s4").Assignors = ["other"];
        _run.Join("s4");
        Assert.Equal(ClassicPhase.PreparingRebalance, _run.Group.Phase);
    }

    [Fact]
    public void Coordinator_ThatDies_CostsNoRejoin()
    {
        Stabilize("d0", "d1");
        _run.Reactivate(-5_000);
        Assert.Null(_run.Heartbeat("d0"));
        Assert.Null(_run.Commit("d1"));
        var assigned = _run.ClientOf("d1").Assignment;
        _run.Sync("d1");
        Assert.Equal(assigned, _run.ClientOf("d1").Assignment);
        _run.Pass(ClassicRun.SessionMs / 2);
        Assert.Equal(ClassicPhase.Stable, _run.Group.Phase);
    }

    [Fact]
    public void Coordinator_ThatDiesBeforeTheLeaderHasAssigned_CostsNoRejoin()
    {
        _run.JoinFully("d0");
        _run.JoinFully("d1");
        _run.Pass(1_000);
        _run.Reactivate(7_000);
        _run.Sync("d1");
        _run.Sync("d0");
        Assert.Equal((1, ClassicPhase.Stable), (_run.Group.Generation, _run.Group.Phase));
        Assert.NotNull(_run.ClientOf("d1").Assignment);
    }

    [Fact]
    public void Coordinator_ThatDiesAfterAMemberLeft_HasTheOthersJoin()
    {
        Stabilize("d0", "d1");
        _run.Leave("d1");
        _run.Reactivate(0);
        Assert.Equal(StreamErrorCode.RebalanceInProgress, _run.Heartbeat("d0")?.Code);
    }

    [Fact]
    public void Kind_ChangesOnlyWhenTheGroupIsEmpty()
    {
        Stabilize("d0");
        var poll = new PollCommand("anna", ["jobs"], [], Claim: null, [], LeaseMs: 10_000, Assignor: null);
        Assert.Equal(StreamErrorCode.InconsistentGroupProtocol, _run.Do(state => state.Poll(poll, _run.Now)).Refusal?.Code);
        _run.Leave("d0");
        Assert.Null(_run.Do(state => state.Poll(poll, _run.Now)).Refusal);
        Assert.Equal(StreamErrorCode.InconsistentGroupProtocol, _run.Join("d0").Refused);
        Assert.Null(_run.Do(state => state.Leave("anna", null, _run.Now)));
        Stabilize("d0");
    }

    [Fact]
    public void Members_KeepTheGroupFromDeletionAndReset()
    {
        Stabilize("d0");
        Assert.Equal(StreamErrorCode.NonEmptyGroup, _run.Do(state => state.Delete(_run.Now))?.Code);
        Assert.Equal(StreamErrorCode.NonEmptyGroup, _run.Do(state => state.Reset([], [], _run.Now))?.Code);
        _run.Leave("d0");
        Assert.Null(_run.Do(state => state.Delete(_run.Now)));
        Assert.Equal(0, _run.Group.Generation);
        Stabilize("d0");
    }

    private void Stabilize(params string[] names)
    {
        foreach (var name in names)
            _run.JoinFully(name);
        _run.Pass(1_000);
        foreach (var name in names)
            _run.Sync(name);
        Assert.Equal(ClassicPhase.Stable, _run.Group.Phase);
    }

    private GroupRefusal? RefusalOf(JoinCommand command) => _run.Group.Join(command, ++_tickets, _run.Now).Deliveries
        .OfType<JoinDelivery>().FirstOrDefault(delivery => delivery.Ticket == _tickets)?.Answer.Refusal;

    private long _tickets = 10_000;

    private static JoinCommand One(string name) => new(
        "", name, null, name, "/", ClassicRun.SessionMs, ClassicRun.RebalanceMs, "consumer", [new ClassicProtocol("range", Encoding.UTF8.GetBytes("m"))]);
}
