using System.Globalization;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Protocols;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>A way to run the service: as it comes, or with something whose cost is asked for.</summary>
/// <param name="Name">Its name.</param>
/// <param name="StartAsync">Starts the service on a folder; gives the header lines of its requests, too, each ended by CR LF.</param>
internal sealed record Variant(string Name, Func<string, Task<(Service Service, string Headers)>> StartAsync)
{
    /// <summary>As the service comes.</summary>
    /// <param name="name">What it lacks, for the reader.</param>
    public static Variant Plain(string name) => new(name, async folder => (await Service.StartAsync(folder), ""));

    /// <summary>Runs beside each load, until the load ends.</summary>
    public Func<Service, CancellationToken, Task> BesideAsync { get; init; } = (_, _) => Task.CompletedTask;
}

/// <summary>Compares two ways to run the service by single durable records of many connections, in several pairs of new processes.</summary>
/// <remarks>
/// Two processes of one program differ by more than what is asked for: each compiled its code for what it saw first. So there are several pairs, all
/// new, and the one in the middle is the figure. Long rounds would not make it more exact.
/// </remarks>
internal static class ProcessPairs
{
    private const int ValueBytes = 1024;
    private const int Connections = 64;
    private const int PairCount = 5;
    private const int RoundCount = 3;
    // What a side has more code for, it also compiles for longer.
    private const int WarmUpCount = 2;

    private static readonly TimeSpan RoundDuration = TimeSpan.FromSeconds(4);

    /// <summary>Measures the pairs.</summary>
    /// <param name="context">How. A quick run has one pair.</param>
    /// <param name="what">What is asked for, for the figure.</param>
    /// <param name="ours">The service with it.</param>
    /// <param name="plain">The service without.</param>
    /// <param name="target">What the ratio of their processor times is held against.</param>
    public static async Task<Figure> CompareAsync(RunContext context, string what, Variant ours, Variant plain, Target target)
    {
        var rounds = context.IsQuick ? context : context with { Rounds = RoundCount, WarmUpRounds = WarmUpCount, Duration = RoundDuration };
        var pairs = new List<(LoadResult Ours, LoadResult Plain)>();
        for (var pair = 0; pair < (context.IsQuick ? 1 : PairCount); pair++)
            pairs.Add(await MeasureAsync(rounds, ours, plain));
        var middle = pairs.OrderBy(TimeRatio).ElementAt(pairs.Count / 2);
        var rate = Statistics.Median(pairs.Select(pair => pair.Ours.RecordsPerSecond / pair.Plain.RecordsPerSecond));
        return new Figure($"one durable record {what}, {Connections} connections: processor time", "\u00b5s", TimeOf(middle.Ours), plain.Name, TimeOf(middle.Plain), target)
        {
            Note = string.Create(
                CultureInfo.InvariantCulture,
                $"the median of {pairs.Count} pairs of processes: {string.Join(", ", pairs.Select(pair => Ratio(TimeRatio(pair))))}; records a second {Ratio(rate)}"),
        };
    }

    private static async Task<(LoadResult Ours, LoadResult Plain)> MeasureAsync(RunContext context, Variant ours, Variant plain)
    {
        using var folder = new ScratchFolder();
        using var plainFolder = new ScratchFolder();
        var (plainService, plainHeaders) = await plain.StartAsync(plainFolder.Path);
        using (plainService)
        {
            var (service, headers) = await ours.StartAsync(folder.Path);
            using (service)
            {
                var results = await context.AlternateAsync(
                    new Side(plain.Name, () => ProduceAsync(context, plain, plainService, plainHeaders)),
                    new Side(ours.Name, () => ProduceAsync(context, ours, service, headers)));
                return (results[ours.Name], results[plain.Name]);
            }
        }
    }

    private static async Task<LoadResult> ProduceAsync(RunContext context, Variant variant, Service service, string headers)
    {
        using var ended = new CancellationTokenSource();
        // The load keeps this thread until it ends.
        var beside = Task.Run(() => variant.BesideAsync(service, ended.Token));
        try
        {
            var load = ProduceLoad.Json(SampleRecords.Text(ValueBytes), isText: true, 1) with { Headers = headers };
            return await Sides.ProduceAsync(service, load, Connections, context.Duration);
        }
        finally
        {
            await ended.CancelAsync();
            await beside;
        }
    }

    private static double TimeRatio((LoadResult Ours, LoadResult Plain) pair) => TimeOf(pair.Ours) / TimeOf(pair.Plain);

    // Of the service's process, in microseconds a record.
    private static double TimeOf(LoadResult result) => result.DrivenCost(records: 1).ProcessorUs;

    private static string Ratio(double ratio) => ratio.ToString("0.000\u00d7", CultureInfo.InvariantCulture);
}
