using OrleansStream.Hosting;
using OrleansStream.Storage.Azure;
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

    // By hand: 30 appends a second are 78.84 million a month; a read a second 2.628 million; and 100 GB.
    [Fact]
    public void MonthCost_IsTheSumOfRequestsAndBytesAtTheirPrices() => Assert.Equal(
        492.75 + 1.314 + 2.30, SiloMeter.MonthCost(new BlobPrices(), new BlobRequestRates(Appends: 30, Writes: 30, Reads: 1), 100_000_000_000),
        precision: 6);
}
