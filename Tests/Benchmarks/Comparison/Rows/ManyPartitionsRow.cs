using System.Diagnostics;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Protocols;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>
/// What partitions cost that nobody uses, and how many come to life when they are used. The service is as a user starts it, its Kafka endpoint on.
/// </summary>
internal sealed class ManyPartitionsRow : IRow
{
    /// <summary>The partitions of each topic.</summary>
    public const int PartitionsOfTopic = 1_000;

    private const int Topics = 10;
    private static readonly TimeSpan SoonTime = TimeSpan.FromSeconds(20);

    /// <inheritdoc/>
    public string Name => "partitions";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var folder = new ScratchFolder();
        using var service = await Service.StartAsShippedAsync(Repository.Api, folder.Path);
        var none = await IdleUsage.MeasureAsync(service, context);
        await CreateTopicsAsync(service, Topics);

        Touch(service, 0, 1);
        var soon = await IdleUsage.MeasureAsync(service, SoonTime);
        var idle = await IdleUsage.MeasureAsync(service, context);

        var began = Stopwatch.GetTimestamp();
        Touch(service, 1, Topics);
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        return
        [
            .. none.Figures("no partitions"),
            .. idle.Figures("1,000 idle partitions"),
            Figure.Alone(
                $"1,000 partitions, in the {SoonTime.TotalSeconds:0} s after their first record: processor", "% of a core", soon.Percent, Target.None),
            Figure.Alone("1,000 idle partitions: memory", "MB", idle.Megabytes, Target.AtMost(200)),
            Figure.Alone($"{(Topics - 1) * PartitionsOfTopic:N0} partitions activated by their first record", "a second",
                (Topics - 1) * PartitionsOfTopic / seconds, Target.None),
            Figure.Alone("10,000 active partitions: memory", "MB", service.Process.ResidentBytes / 1e6, Target.AtMost(250)),
        ];
    }

    /// <summary>Creates topics of <see cref="PartitionsOfTopic"/> partitions each.</summary>
    /// <param name="service">Where.</param>
    /// <param name="count">How many.</param>
    public static async Task CreateTopicsAsync(Service service, int count)
    {
        for (var topic = 0; topic < count; topic++)
            await service.CreateTopicAsync($"many-{topic}", PartitionsOfTopic);
    }

    /// <summary>Writes a record to each partition of topics.</summary>
    /// <param name="service">Where.</param>
    /// <param name="firstTopic">The first topic.</param>
    /// <param name="endTopic">The topic behind the last.</param>
    public static void Touch(Service service, int firstTopic, int endTopic)
    {
        var body = ProduceLoad.Json("1"u8.ToArray(), isText: false, 1).Body;
        var requests = new List<byte[]>();
        for (var topic = firstTopic; topic < endTopic; topic++)
        {
            for (var partition = 0; partition < PartitionsOfTopic; partition++)
                requests.Add(HttpRequests.Post($"/v1/topics/many-{topic}/partitions/{partition}/records", "application/json", body));
        }

        var next = new RequestList(requests);
        Filler.Fill(new LoadPlan(service.Port, 16, 1, _ => new ListedRequestsExchange(next)), requests.Count);
    }
}
