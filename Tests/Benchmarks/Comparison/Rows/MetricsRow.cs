using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>What metrics cost: single durable records while Prometheus scrapes the service, and while nobody does.</summary>
internal sealed class MetricsRow : IRow
{
    // Each load is scraped while it counts. Prometheus scrapes every minute unless it is told otherwise.
    private static readonly TimeSpan FirstScrape = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan ScrapePeriod = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public string Name => "metrics";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        var scraped = new Variant("scraped", async folder =>
        {
            var service = await Service.StartAsync(folder);
            // Collecting begins with the first scrape.
            await service.ScrapeAsync(CancellationToken.None);
            return (service, "");
        })
        {
            BesideAsync = ScrapeAsync,
        };
        return [await ProcessPairs.CompareAsync(context, "with metrics scraped", scraped, Variant.Plain("no telemetry"), Target.AtMost(1.02))];
    }

    private static async Task ScrapeAsync(Service service, CancellationToken ended)
    {
        try
        {
            await Task.Delay(FirstScrape, TimeProvider.System, ended);
            while (true)
            {
                await service.ScrapeAsync(ended);
                await Task.Delay(ScrapePeriod, TimeProvider.System, ended);
            }
        }
        catch (OperationCanceledException)
        {
            // The load has ended.
        }
    }
}
