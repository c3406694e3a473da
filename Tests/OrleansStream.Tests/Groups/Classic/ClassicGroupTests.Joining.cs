using OrleansStream.Errors;
using OrleansStream.Groups.Classic;
using OrleansStream.Groups.State;

namespace OrleansStream.Tests.Groups.Classic;

/// <summary>Members join.</summary>
public sealed partial class ClassicGroupTests
{
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
}
