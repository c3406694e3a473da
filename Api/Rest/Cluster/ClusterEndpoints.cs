using OrleansStream.Cluster;
using OrleansStream.Contracts;
using OrleansStream.Gateway.Cluster;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Topics;
using OrleansStream.Security;

namespace OrleansStream.Rest.Cluster;

/// <summary>Tells of the cluster's silos, and of what they cost.</summary>
internal sealed class ClusterEndpoints(ClusterDescriber cluster)
{
    /// <summary>Describe the cluster.</summary>
    public static readonly Operation Get = new(
        "getCluster", "Cluster", "Describe the cluster",
        "Its silos: their versions, their traffic, and the partitions that each leads or gives away. Its Api nodes, as they announce themselves. On an "
        + "Azure Storage account also what each silo asks of the account, and what a month like the last minute costs at the unit prices of the settings.")
    {
        Right = OperationRight.OnCluster(AccessOperations.Describe),
        Answers =
        [
            new(StatusCodes.Status200OK, "The cluster.", new OperationBody(MediaTypes.Json, typeof(ClusterAnswer), """
                {"silos":[{"address":"10.0.1.4:11111","answers":true,"version":"0.1.0","started_at":"2026-06-11T17:02:11.000Z","partitions":64,"moving_partitions":0,"stored_bytes":1073741824,"in":{"records_per_second_1m":812.5,"records_per_second_5m":790.1,"bytes_per_second_1m":260000,"bytes_per_second_5m":252832},"out":{"records_per_second_1m":1625,"records_per_second_5m":1580.2,"bytes_per_second_1m":520000,"bytes_per_second_5m":505664},"storage":{"appends_per_second":10.4,"appends_per_second_max":30,"appends_waiting":0,"writes_per_second":10.5,"reads_per_second":0.9,"month_cost":171.9}}],"api_nodes":[{"id":"0f2b6c1e-5b0f-4f2e-9d57-0c5f1c1f3a77","address":"api-0:8080","answers":true,"version":"0.1.0","started_at":"2026-06-11T17:02:09.000Z","has_silo":false}],"month_cost":171.9}
                """)),
        ],
    };

    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapOperation("GET", "/cluster", routes.ServiceProvider.GetRequiredService<ClusterEndpoints>().GetAsync, Get);

    private async Task GetAsync(HttpContext context)
    {
        var (silos, nodes) = await cluster.DescribeAsync(context.Caller(), context.RequestAborted);
        var answer = new ClusterAnswer
        {
            Silos = [.. silos.Select(AnswerOf)],
            ApiNodes = nodes is null ? null : [.. nodes.Select(AnswerOf)],
            MonthCost = silos.Sum(silo => silo.Usage?.Storage?.MonthCost),
        };
        if (silos.All(silo => silo.Usage?.Storage is null))
            answer = answer with { MonthCost = null };
        await JsonAnswer.WriteAsync(context, answer, ApiJsonContext.Api.ClusterAnswer);
    }

    private static SiloAnswer AnswerOf(SiloDescription silo) => new()
    {
        Address = silo.Address,
        Answers = silo.Usage is not null,
        Version = silo.Usage?.Version,
        StartedAt = silo.Usage?.StartedAt,
        Partitions = silo.Usage?.PartitionCount,
        MovingPartitions = silo.Usage?.MovingCount,
        StoredBytes = silo.Usage?.StoredBytes,
        In = LoadJson.ToAnswer(silo.Usage?.In),
        Out = LoadJson.ToAnswer(silo.Usage?.Out),
        Storage = silo.Usage?.Storage is { } storage ? AnswerOf(storage) : null,
    };

    private static ApiNodeAnswer AnswerOf(HeardApiNode heard) => new()
    {
        Id = heard.Node.Id,
        Address = heard.Node.Address,
        Answers = heard.Answers,
        Version = heard.Node.Version,
        StartedAt = heard.Node.StartedAt,
        HasSilo = heard.Node.HasSilo,
    };

    private static StorageUsageAnswer AnswerOf(StorageUsage storage) => new()
    {
        AppendsPerSecond = Math.Round(storage.AppendsPerSecond, 2),
        AppendsPerSecondMax = storage.AppendsPerSecondMax,
        AppendsWaiting = storage.AppendsWaitingCount,
        WritesPerSecond = Math.Round(storage.WritesPerSecond, 2),
        ReadsPerSecond = Math.Round(storage.ReadsPerSecond, 2),
        MonthCost = Math.Round(storage.MonthCost, 2),
    };
}
