using System.Globalization;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Limits;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>How a run measures, and what it has to tell.</summary>
/// <param name="IsQuick">True for a run of minutes: shorter, of fewer bytes, but of as many rounds.</param>
/// <param name="OtherBuild">The folder of another build of this repository that is measured in turn with this one; null for none.</param>
internal sealed record RunContext(bool IsQuick, string? OtherBuild = null)
{
    private readonly List<string> _notes = [];

    /// <summary>How often each side is measured; the sides alternate.</summary>
    public int Rounds { get; init; } = IsQuick ? 3 : 5;

    /// <summary>How many more rounds come before those that count.</summary>
    public int WarmUpRounds { get; init; } = 1;

    /// <summary>How long a side is measured in a round.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(IsQuick ? 2 : 6);

    /// <summary>What was left out, and why.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Says that something was left out.</summary>
    /// <param name="note">What, and why.</param>
    public void Note(string note)
    {
        if (_notes.Contains(note))
            return;
        _notes.Add(note);
        Console.WriteLine($"    {note}");
    }

    /// <summary>Measures sides in turn, and prints each round.</summary>
    /// <param name="sides">Their names, and how each is measured.</param>
    public async Task<Dictionary<string, LoadResult>> AlternateAsync(params IEnumerable<Side> sides)
    {
        var results = sides.ToDictionary(side => side, _ => new List<LoadResult>());
        // Rounds up to 0 do not count: what runs for the first time is still being compiled.
        for (var round = 1 - WarmUpRounds; round <= Rounds; round++)
        {
            foreach (var side in results.Keys)
            {
                // What one side left in the page cache must not be written back at the other's cost.
                RawDisk.SettleSystem();
                var result = await side.MeasureAsync();
                if (round > 0)
                    results[side].Add(result);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"    {round} {side.Name,-42} {Figure.Show(result.RecordsPerSecond),8}/s {result.BytesPerSecond / 1e6,8:0.0} MB/s"
                    + $"{Latency(result)}{Used("driver", result.Driver, result)}"
                    + $"{Used("driven", result.Driven, result)}{Allocated(result)}"));
            }
        }

        return results.ToDictionary(pair => pair.Key.Name, pair => MedianOf(pair.Value));
    }

    private static string Latency(LoadResult result) => double.IsNaN(result.P50Ms)
        ? ""
        : string.Create(CultureInfo.InvariantCulture, $"  p50 {result.P50Ms,7:0.000} ms  p99 {result.P99Ms,8:0.000} ms");

    private static string Used(string side, ProcessUsage usage, LoadResult result)
    {
        if (double.IsNaN(usage.Cores))
            return "";
        var request = usage.Per(result.RequestsPerSecond);
        var cost = double.IsNaN(result.RequestsPerSecond)
            ? ""
            : string.Create(
                CultureInfo.InvariantCulture,
                $", a request {request.ProcessorUs:0.0} \u00b5s, {request.Waits:0.00} woken of {request.Switches:0.00} switches");
        return string.Create(CultureInfo.InvariantCulture, $"  {side} {usage.Cores:0.00} cores{cost}");
    }

    private static string Allocated(LoadResult result) => double.IsNaN(result.AllocatedBytesPerRecord)
        ? ""
        : string.Create(CultureInfo.InvariantCulture, $", {result.AllocatedBytesPerRecord:0} B allocated a record");

    private static LoadResult MedianOf(List<LoadResult> rounds) => new(
        Statistics.Median(rounds.Select(round => round.RecordsPerSecond)),
        Statistics.Median(rounds.Select(round => round.BytesPerSecond)),
        Statistics.Median(rounds.Select(round => round.P50Ms)),
        Statistics.Median(rounds.Select(round => round.P99Ms)),
        rounds.Sum(round => round.Records))
    {
        RequestsPerSecond = Statistics.Median(rounds.Select(round => round.RequestsPerSecond)),
        Driver = MedianOf(rounds.Select(round => round.Driver)),
        Driven = MedianOf(rounds.Select(round => round.Driven)),
        AllocatedBytesPerRecord = Statistics.Median(rounds.Select(round => round.AllocatedBytesPerRecord)),
    };

    private static ProcessUsage MedianOf(IEnumerable<ProcessUsage> rounds) => new(
        Statistics.Median(rounds.Select(round => round.Cores)),
        Statistics.Median(rounds.Select(round => round.WaitsPerSecond)),
        Statistics.Median(rounds.Select(round => round.SwitchesPerSecond)));
}

/// <summary>One of those that are compared.</summary>
/// <param name="Name">Its name.</param>
/// <param name="MeasureAsync">Measures it once.</param>
internal sealed record Side(string Name, Func<Task<LoadResult>> MeasureAsync);

/// <summary>One or more paths that are measured with the same processes.</summary>
internal interface IRow
{
    /// <summary>Its name, by which a run may ask for it.</summary>
    string Name { get; }

    /// <summary>Measures it.</summary>
    /// <param name="context">How.</param>
    Task<IReadOnlyList<Figure>> RunAsync(RunContext context);
}
