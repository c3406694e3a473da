using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Limits;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Protocols;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>
/// Single durable records, beside Redis, beside another build of this repository if one is given, and beside the least that a service on Kestrel can
/// do.
/// </summary>
internal sealed class SingleRecordsRow : IRow
{
    private const int ValueBytes = 1024;
    private const int ManyConnections = 64;
    private const string This = "service", Other = "the other build", Redis = "Redis always", Least = "the least on Kestrel";

    /// <inheritdoc/>
    public string Name => "single";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var folder = new ScratchFolder();
        using var otherFolder = new ScratchFolder();
        using var service = await Service.StartAsync(folder.Path);
        using var other = context.OtherBuild is { } build ? await Service.StartAsync(Repository.ApiOf(build), otherFolder.Path) : null;
        using var redis = await RedisServer.StartAsync("always");
        var least = await BareKestrel.StartAsync();
        using var leastProcess = least.Process;
        var alone = await context.AlternateAsync(
            [.. SidesOf(context, service, other, redis, 1, 1), LeastSide(context, least, BareKestrel.DurablePath, 1)]);
        // What is read only, and not made durable, costs less than any durable record.
        var many = await context.AlternateAsync(
            [
                .. SidesOf(context, service, other, redis, ManyConnections, Sides.RedisConnections),
                LeastSide(context, least, BareKestrel.ReadPath, ManyConnections),
            ]);
        return [.. AloneFigures(alone), .. ManyFigures(many)];
    }

    private static Side LeastSide(RunContext context, (ChildProcess Process, int Port) least, string path, int connections) =>
        new(Least, () => Task.FromResult(Sides.Read(least, path, Load, connections, context.Duration)));

    private static ProduceLoad Load => ProduceLoad.Json(SampleRecords.Text(ValueBytes), isText: true, 1);

    private static List<Side> SidesOf(
        RunContext context, Service service, Service? other, RedisServer? redis, int connections, int redisConnections)
    {
        var value = SampleRecords.Text(ValueBytes);
        var load = Load;
        List<Side> sides = [new(This, () => Sides.ProduceAsync(service, load, connections, context.Duration))];
        if (other is not null)
            sides.Add(new(Other, () => Sides.ProduceAsync(other, load, connections, context.Duration)));
        if (redis is not null)
            sides.Add(new(Redis, () => Task.FromResult(Sides.Append(redis, value, redisConnections, 1, context.Duration))));
        return sides;
    }

    private static IEnumerable<Figure> AloneFigures(Dictionary<string, LoadResult> results)
    {
        const string path = "one durable record, 1 connection";
        var ours = results[This];
        if (results.TryGetValue(Redis, out var theirs))
            yield return new Figure($"{path}: p50", "ms", ours.P50Ms, Redis, theirs.P50Ms, Target.AtMost(0.9)).Costing(ours, theirs);
        yield return new Figure($"{path}: p50", "ms", ours.P50Ms, $"{Least}: read, written, synced", results[Least].P50Ms, Target.None)
            .Costing(ours, results[Least]);
        yield return new Figure($"{path}: p99 to p50", "ms", ours.P99Ms, "its own p50", ours.P50Ms, Target.AtMost(3));
        var both = ours.CostOfBothSides;
        yield return Figure.Alone($"{path}: threads woken a request, driver and service", "", both.Waits, Target.AtMost(3)) with
        {
            Note = $"({Figure.Show(both.Switches)} context switches; the service alone {Figure.Show(ours.DrivenCost(1).Waits)} and "
                + $"{Figure.Show(ours.DrivenCost(1).Switches)}{(theirs is null ? "" : $"; driver and Redis {Figure.Show(theirs.CostOfBothSides.Waits)} woken")})",
        };
        yield return Figure.Alone($"{path}: allocated a request", "B", ours.AllocatedBytesPerRecord, Target.AtMost(2_500));
        if (results.TryGetValue(Other, out var other))
        {
            yield return TimeFigure(path, ours, other);
            yield return new Figure($"{path}: p50", "ms", ours.P50Ms, Other, other.P50Ms, Target.AtMost(0.8));
        }
    }

    private static IEnumerable<Figure> ManyFigures(Dictionary<string, LoadResult> results)
    {
        var path = $"one durable record, {ManyConnections} connections";
        var ours = results[This];
        if (results.TryGetValue(Redis, out var theirs))
        {
            yield return new Figure(
                path, "rec/s", ours.RecordsPerSecond, $"{Redis}, {Sides.RedisConnections} connections", theirs.RecordsPerSecond,
                Target.AtLeast(0.9)).Costing(ours, theirs);
        }
        else
        {
            yield return Figure.Alone(path, "rec/s", ours.RecordsPerSecond, Target.None).Costing(ours);
        }

        yield return new Figure(
            $"{path}: processor time a request", "\u00b5s", ours.DrivenCost(1).ProcessorUs, $"{Least}: read only",
            results[Least].DrivenCost(1).ProcessorUs, Target.None);
        yield return Figure.Alone($"{path}: p50", "ms", ours.P50Ms, Target.None);
        yield return Figure.Alone($"{path}: p99", "ms", ours.P99Ms, Target.None);
        yield return Figure.Alone($"{path}: allocated a request", "B", ours.AllocatedBytesPerRecord, Target.AtMost(2_500));
        if (results.TryGetValue(Other, out var other))
            yield return TimeFigure(path, ours, other);
    }

    private static Figure TimeFigure(string path, LoadResult ours, LoadResult other) => new Figure(
        $"{path}: processor time a request", "\u00b5s", ours.DrivenCost(1).ProcessorUs, Other, other.DrivenCost(1).ProcessorUs, Target.AtMost(0.4))
        .Costing(ours, other);
}
