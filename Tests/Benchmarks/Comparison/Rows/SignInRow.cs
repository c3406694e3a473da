using System.Globalization;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Protocols;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>What it costs that callers sign in: single durable records with an API key, and to a service where nobody signs in.</summary>
internal sealed class SignInRow : IRow
{
    private const string Open = "nobody signs in", Keyed = "with an API key";
    private const int ValueBytes = 1024;
    private const int Connections = 64;
    private const int PairCount = 5;

    /// <inheritdoc/>
    public string Name => "sign-in";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        // Two processes of one program differ by more than a key costs: each compiled its code for what it saw first. So there are several pairs, all
        // new.
        var pairs = new List<(double Keyed, double Open)>();
        for (var pair = 0; pair < (context.IsQuick ? 1 : PairCount); pair++)
            pairs.Add(await MeasurePairAsync(context));
        var (keyed, open) = pairs.OrderBy(pair => pair.Keyed / pair.Open).ElementAt(pairs.Count / 2);
        return
        [
            new Figure("one durable record with an API key, 64 connections: processor time", "\u00b5s", keyed, Open, open, Target.AtMost(1.03))
            {
                Note = $"the median of {pairs.Count} pairs of processes: "
                    + string.Join(", ", pairs.Select(pair => (pair.Keyed / pair.Open).ToString("0.00\u00d7", CultureInfo.InvariantCulture))),
            },
        ];
    }

    private static async Task<(double Keyed, double Open)> MeasurePairAsync(RunContext context)
    {
        using var openFolder = new ScratchFolder();
        using var keyedFolder = new ScratchFolder();
        using var open = await Service.StartAsync(openFolder.Path);
        var (keyed, key) = await Service.StartWithKeysAsync(keyedFolder.Path);
        using (keyed)
        {
            var load = ProduceLoad.Json(SampleRecords.Text(ValueBytes), isText: true, 1);
            var signed = load with { Headers = $"Authorization: Bearer {key}\r\n" };
            var results = await context.AlternateAsync(
                new Side(Open, () => Sides.ProduceAsync(open, load, Connections, context.Duration)),
                new Side(Keyed, () => Sides.ProduceAsync(keyed, signed, Connections, context.Duration)));
            return (TimeOf(results[Keyed]), TimeOf(results[Open]));
        }
    }

    // Of the service's process, in microseconds a record.
    private static double TimeOf(LoadResult result) => result.DrivenCost(records: 1).ProcessorUs;
}
