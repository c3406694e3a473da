using System.Text;
using OrleansStream.Errors;
using OrleansStream.Groups.Classic;
using OrleansStream.Groups.State;

namespace OrleansStream.Tests.Groups.Classic;

/// <summary>Each rule of the classic protocol by itself.</summary>
public sealed partial class ClassicGroupTests
{
    private readonly ClassicRun _run = new();

    [Fact]
    public void Sync_WithTooLargeAnAssignment_IsRefusedAndTheGenerationIsOver()
    {
        _run.JoinFully("d0");
        _run.Pass(1_000);
        var client = _run.ClientOf("d0");
        var step = _run.Group.Sync(
            new SyncCommand(client.Claim, null, null,
                [KeyValuePair.Create(client.Member, (ReadOnlyMemory<byte>)new byte[ClassicLimits.AssignmentBytesMax + 1])]), 99, _run.Now);
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
