using System.Diagnostics;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Limits;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>From the start of the process to its readiness, and what it holds then; beside another build if one is given.</summary>
internal sealed class StartRow : IRow
{
    private const string Other = "the other build";

    /// <inheritdoc/>
    public string Name => "start";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var ours = new Measured(Repository.Api);
        using var theirs = context.OtherBuild is { } folder ? new Measured(Repository.ApiOf(folder)) : null;
        List<Measured> builds = theirs is null ? [ours] : [ours, theirs];
        foreach (var build in builds)
            await build.PrepareAsync();
        // Round 0 does not count: the system reads the program's files then.
        for (var round = 0; round <= context.Rounds; round++)
        {
            foreach (var build in builds)
                await build.StartAsync(isCounted: round > 0);
        }

        return
        [
            Started("start to ready, empty folder", build => build.EmptySeconds, ours, theirs),
            Started($"start to ready, {ManyPartitionsRow.PartitionsOfTopic:N0} partitions of data", build => build.FilledSeconds, ours, theirs),
            Figure.Alone("memory after the start, empty folder", "MB", Statistics.Median(ours.EmptyMegabytes), Target.AtMost(90)),
        ];
    }

    private static Figure Started(string path, Func<Measured, List<double>> seconds, Measured ours, Measured? theirs)
    {
        var median = Statistics.Median(seconds(ours));
        return theirs is null
            ? Figure.Alone(path, "s", median, Target.None)
            : new Figure(path, "s", median, Other, Statistics.Median(seconds(theirs)), Target.AtMost(0.5));
    }

    /// <summary>A build, and what its starts took.</summary>
    private sealed class Measured(string program) : IDisposable
    {
        private readonly ScratchFolder _filled = new();

        public List<double> EmptySeconds { get; } = [];

        public List<double> FilledSeconds { get; } = [];

        public List<double> EmptyMegabytes { get; } = [];

        public async Task PrepareAsync()
        {
            using var service = await Service.StartAsShippedAsync(program, _filled.Path);
            await ManyPartitionsRow.CreateTopicsAsync(service, 1);
            ManyPartitionsRow.Touch(service, 0, 1);
        }

        public async Task StartAsync(bool isCounted)
        {
            using var empty = new ScratchFolder();
            var (emptySeconds, megabytes) = await StartAsync(empty.Path);
            var (filledSeconds, _) = await StartAsync(_filled.Path);
            Console.WriteLine($"    {program}: {emptySeconds:0.000} s, {megabytes:0} MB; with data {filledSeconds:0.000} s");
            if (!isCounted)
                return;
            EmptySeconds.Add(emptySeconds);
            FilledSeconds.Add(filledSeconds);
            EmptyMegabytes.Add(megabytes);
        }

        public void Dispose() => _filled.Dispose();

        private async Task<(double Seconds, double Megabytes)> StartAsync(string folder)
        {
            RawDisk.SettleSystem();
            var began = Stopwatch.GetTimestamp();
            using var service = await Service.StartAsShippedAsync(program, folder);
            return (Stopwatch.GetElapsedTime(began).TotalSeconds, service.Process.ResidentBytes / 1e6);
        }
    }
}
