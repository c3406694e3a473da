using Microsoft.Extensions.Time.Testing;
using OrleansStream.Cluster;
using OrleansStream.Clustering;

namespace OrleansStream.Tests.Clustering;

/// <summary>What the cluster knows of its Api nodes, and for how long.</summary>
public sealed class ApiNodesGrainTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly ApiNodesGrain _grain;

    public ApiNodesGrainTests()
    {
        _grain = new ApiNodesGrain(_time);
        _time.Advance(ApiNodeLimits.GatherTime);
    }

    [Fact]
    public async Task List_OfAGrainThatHasJustBegun_IsNotTold()
    {
        var grain = new ApiNodesGrain(_time);
        await grain.AnnounceAsync(NodeAt("a:8080"));

        _time.Advance(ApiNodeLimits.GatherTime - TimeSpan.FromMilliseconds(1));
        Assert.Null(await grain.ListAsync());

        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Single((await grain.ListAsync())!.Value);
    }

    [Fact]
    public async Task List_OfANodeThatFallsSilent_TellsIt_AndForgetsItLater()
    {
        var silent = NodeAt("b:8080");
        await _grain.AnnounceAsync(silent);
        _time.Advance(ApiNodeLimits.SilenceMax);
        await _grain.AnnounceAsync(NodeAt("a:8080"));
        Assert.Equal(["a:8080 True", "b:8080 True"], await ListAsync());

        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(["a:8080 True", "b:8080 False"], await ListAsync());

        await _grain.AnnounceAsync(silent);
        Assert.Equal(["a:8080 True", "b:8080 True"], await ListAsync());

        _time.Advance(ApiNodeLimits.RememberedMax + TimeSpan.FromMilliseconds(1));
        Assert.Empty(await ListAsync());
    }

    [Fact]
    public async Task List_OfANodeThatEnds_NoLongerHasIt()
    {
        var node = NodeAt("a:8080");
        await _grain.AnnounceAsync(node);

        await _grain.LeaveAsync(node.Id);

        Assert.Empty(await ListAsync());
    }

    // Its stop begins while it announces itself, and the two calls change places on their way.
    [Fact]
    public async Task List_OfANodeWhoseAnnouncementComesAfterItsLeave_DoesNotHaveIt()
    {
        var node = NodeAt("a:8080");
        await _grain.LeaveAsync(node.Id);

        await _grain.AnnounceAsync(node);
        await _grain.AnnounceAsync(NodeAt("b:8080"));

        Assert.Equal(["b:8080 True"], await ListAsync());
    }

    [Fact]
    public async Task List_OfANodeThatDoesNotNameItsMachine_HasIt()
    {
        await _grain.AnnounceAsync(NodeAt("a:8080") with { Machine = null });

        Assert.Equal(["a:8080 True"], await ListAsync());
    }

    [Fact]
    public async Task List_OfANodeThatWasKilledAndStartedAgain_HasItOnce()
    {
        await _grain.AnnounceAsync(NodeAt("a:8080"));
        _time.Advance(ApiNodeLimits.SilenceMax + TimeSpan.FromMilliseconds(1));

        await _grain.AnnounceAsync(NodeAt("a:8080"));

        Assert.Equal(["a:8080 True"], await ListAsync());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    public async Task List_OfANodeThatWasStartedAgainWithinItsSilence_HasItOnceSoonAfterIt(int addressLengthMore)
    {
        var address = new string('a', ApiNodeLimits.AddressLengthMax + addressLengthMore);
        await _grain.AnnounceAsync(NodeAt(address));
        _time.Advance(ApiNodeLimits.AnnouncePeriod);
        var again = NodeAt(address);
        await _grain.AnnounceAsync(again);
        Assert.Equal(2, (await ListAsync()).Count());

        for (var silence = ApiNodeLimits.AnnouncePeriod; silence <= ApiNodeLimits.SilenceMax; silence += ApiNodeLimits.AnnouncePeriod)
        {
            _time.Advance(ApiNodeLimits.AnnouncePeriod);
            await _grain.AnnounceAsync(again);
        }

        Assert.Single(await ListAsync());
    }

    [Fact]
    public async Task List_OfAsManyNodesAsItTakes_GivesTheirPlacesToThoseThatWereStartedAgain()
    {
        for (var i = 0; i < ApiNodeLimits.NodesMax; i++)
            await _grain.AnnounceAsync(NodeAt($"{i}:8080"));
        _time.Advance(ApiNodeLimits.SilenceMax + TimeSpan.FromMilliseconds(1));

        await _grain.AnnounceAsync(NodeAt("7:8080"));

        Assert.Contains("7:8080 True", await ListAsync());
    }

    // Behind local proxies each listens at the same address of its own machine.
    [Fact]
    public async Task List_OfASilentNode_KeepsIt_WhenANodeOfAnotherMachineHasItsAddress()
    {
        await _grain.AnnounceAsync(NodeAt("localhost:8080"));
        _time.Advance(ApiNodeLimits.SilenceMax + TimeSpan.FromMilliseconds(1));

        await _grain.AnnounceAsync(NodeAt("localhost:8080") with { Machine = "other" });

        Assert.Equal(["localhost:8080 False", "localhost:8080 True"], (await ListAsync()).Order());
    }

    // Containers may all call themselves alike.
    [Fact]
    public async Task List_OfTwoNodesThatAnswerAtOneAddress_HasBoth()
    {
        await _grain.AnnounceAsync(NodeAt("localhost:8080"));
        await _grain.AnnounceAsync(NodeAt("localhost:8080"));

        Assert.Equal(["localhost:8080 True", "localhost:8080 True"], await ListAsync());
    }

    [Fact]
    public async Task List_IsBounded_InNodesAndInTheirAddresses()
    {
        for (var i = 0; i < ApiNodeLimits.NodesMax + 5; i++)
            await _grain.AnnounceAsync(NodeAt(new string('a', ApiNodeLimits.AddressLengthMax + 5)));

        var nodes = (await _grain.ListAsync())!.Value;

        Assert.Equal(ApiNodeLimits.NodesMax, nodes.Length);
        Assert.All(nodes, one => Assert.Equal(ApiNodeLimits.AddressLengthMax, one.Node.Address.Length));
    }

    private static ApiNode NodeAt(string address) => new(Guid.NewGuid(), address, "0.1.0", DateTimeOffset.UnixEpoch, HasSilo: false, "machine");

    private async Task<IEnumerable<string>> ListAsync() => (await _grain.ListAsync())!.Value.Select(one => $"{one.Node.Address} {one.Answers}");
}
