using System.Text.Json.Nodes;
using OrleansStream.Api.Hosting;
using OrleansStream.Hosting;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>What the cluster tells of itself, and of what it costs.</summary>
[Collection(ApiTests.Name)]
public sealed class ClusterTests(ApiFixture api)
{
    [Fact]
    public async Task Get_OnMemory_TellsThePartitionsAndNoCost()
    {
        var topic = await api.CreateTopicAsync();
        (await api.PostAsync($"/v1/topics/{topic}/records", ApiFixture.Json("""{"records":[{"value":1}]}"""))).EnsureSuccessStatusCode();

        var cluster = await api.GetAsync("/v1/cluster");

        var silo = Assert.Single(cluster["silos"]!.AsArray())!;
        Assert.True((bool)silo["answers"]!);
        Assert.StartsWith("0.", (string)silo["version"]!, StringComparison.Ordinal);
        Assert.InRange((DateTimeOffset)silo["started_at"]!, TimeProvider.System.GetUtcNow().AddHours(-2), TimeProvider.System.GetUtcNow());
        Assert.Equal(0, (int)silo["moving_partitions"]!);
        Assert.True((int)silo["partitions"]! > 0);
        Assert.True((long)silo["stored_bytes"]! > 0);
        Assert.All(["in", "out"], flow => Assert.True((double)silo[flow]!["records_per_second_1m"]! >= 0));
        Assert.Null(silo["storage"]);
        Assert.Null(cluster["month_cost"]);
    }

    [Fact]
    public async Task Get_TellsTheApiNodeThatAnswers()
    {
        JsonArray nodes = [];
        await Wait.UntilAsync("the node has announced itself", async () => (nodes = (await api.GetAsync("/v1/cluster"))["api_nodes"]?.AsArray() ?? []).Count > 0);

        var node = Assert.Single(nodes)!;
        Assert.Equal($"127.0.0.1:{api.Client.BaseAddress!.Port}", (string)node["address"]!);
        Assert.True((bool)node["answers"]!);
        Assert.True((bool)node["has_silo"]!);
        Assert.StartsWith("0.", (string)node["version"]!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://localhost:8080", "localhost:8080")]
    [InlineData("http://10.0.1.4:8080", "10.0.1.4:8080")]
    [InlineData("http://[::1]:8080", "[::1]:8080")]
    [InlineData("https://+:8443", "{machine}:8443")]
    [InlineData("http://[::]:8080", "{machine}:8080")]
    [InlineData("http://0.0.0.0:8080", "{machine}:8080")]
    [InlineData(null, "{machine}")]
    public void AddressOfANode_NamesItsMachineWhereItListensOnAllAddresses(string? url, string address) =>
        Assert.Equal(address.Replace("{machine}", Environment.MachineName, StringComparison.Ordinal), NodeAnnouncement.AddressOf(url));

    // By hand: 30 appends a second are 78.84 million a month; a read a second 2.628 million; and 100 GB.
    [Fact]
    public void MonthCost_IsTheSumOfRequestsAndBytesAtTheirPrices() => Assert.Equal(
        492.75 + 1.314 + 2.30, SiloMeter.MonthCost(new BlobPrices(), new BlobRequestRates(Appends: 30, Writes: 30, Reads: 1), 100_000_000_000),
        precision: 6);
}
