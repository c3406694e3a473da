using OrleansStream.Cluster;
using OrleansStream.Security;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.WebConsole;

/// <summary>
/// The same journey on a cluster of processes. The browser comes in through a balancer, as it would in a cloud, and nodes are killed meanwhile.
/// </summary>
[Collection(EndToEndCollection.Name)]
public sealed class ConsoleClusterTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private const string SampleTopic = "matches";
    private const int SiloCount = 3;

    [Fact]
    public async Task Console_WhenASiloAndItsApiNodeAreKilled_GoesOnAndStaysSignedIn()
    {
        OnDemand.Require(OnDemand.ClusterTests);
        ConsoleJourney.RequireBrowser();
        var key = $"os_bootstrap_{ApiKeySecret.Create().Secret}";
        await using var cluster = await ClusterProcesses.StartAsync(
            azurite.ConnectionString, "console", SiloCount, apis: 2, lines: null, ("OrleansStream__Security__BootstrapKey", key));
        await using var balancer = new NodeBalancer(cluster.Apis);
        var met = new List<string>();

        await ConsoleJourney.RunAsync(balancer.Address, key, async trouble =>
        {
            met.Add(trouble);
            if (trouble == "kill a silo")
                await cluster.KillAsync((await cluster.FindLeadersAsync(SampleTopic, key))[0]);
            else
                await KillApiAsync(cluster, balancer.LastUsed, key);
        });

        Assert.Equal(["kill a silo", "kill an Api node"], met);
        Assert.Equal(SiloCount - 1, cluster.Silos.Count);
    }

    // The other node tells of it, as the console's pages do.
    private static async Task KillApiAsync(ClusterProcesses cluster, int api, string key)
    {
        using var other = new ServiceClient(cluster.Apis[1 - api]);
        other.SignIn(key);
        await WaitForNodesAsync(other, "both Api nodes are known", true, true);
        await cluster.KillApiAsync(api);
        await WaitForNodesAsync(other, "the killed Api node does not answer", false, true);
        await WaitForNodesAsync(other, "the killed Api node is forgotten", true);
    }

    private static Task WaitForNodesAsync(ServiceClient client, string what, params bool[] answers) => Wait.UntilAsync(
        what,
        async () => (await client.GetAsync("/v1/cluster")).Body!["api_nodes"]?.AsArray().Select(node => (bool)node!["answers"]!).Order().SequenceEqual(answers) == true,
        ApiNodeLimits.RememberedMax + Wait.Patience);
}
