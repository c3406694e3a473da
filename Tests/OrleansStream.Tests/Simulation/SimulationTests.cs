using System.Globalization;

namespace OrleansStream.Tests.Simulation;

/// <summary>
/// The log's protocol over simulated stores. <c>ORLEANSSTREAM_SIMULATION_SEEDS</c> sets how many seeds are run;
/// <c>ORLEANSSTREAM_SIMULATION_SEED</c> runs one again, as a failure names it.
/// </summary>
public sealed class SimulationTests
{
    private const int SeedsDefault = 10_000;
    private const int MutationSeedsMax = 1_000;

    [Fact]
    public async Task Simulation_WhenRunOverSeeds_FindsNoViolation()
    {
        if (Setting("ORLEANSSTREAM_SIMULATION_SEED") is { } single)
        {
            var again = await SimulationRunner.RunAsync((ulong)single);
            Assert.True(again.Violation is null, again.Violation);
            return;
        }

        var seeds = Setting("ORLEANSSTREAM_SIMULATION_SEEDS") ?? SeedsDefault;
        var results = await SimulationRunner.RunAsync(seeds, Mutation.None, result => result.Violation is not null);

        Assert.True(results.TrueForAll(result => result.Violation is null), Describe(results));
        Assert.Equal(seeds, results.Count);
        foreach (var store in Enum.GetValues<StoreKind>())
        {
            var rounds = results.FindAll(result => result.Store == store);
            Assert.True(rounds.Sum(round => round.Acked) > 5 * rounds.Count, $"{store}: the rounds store next to nothing");
            Assert.True(rounds.Sum(round => round.Opened) > 3 * rounds.Count, $"{store}: hardly any owner is replaced");
        }
    }

    // Which invariant of the log's each stands for, and by which check its loss is to be seen: README.md in Tests has the table.
    [Theory]
    [InlineData("I1", Mutation.NoFence, "watermark")]
    [InlineData("I1", Mutation.NoCompareAndSwap, "manifest")]
    [InlineData("I2", Mutation.AckBeforeDurable, "ack")]
    [InlineData("I3", Mutation.AckBeforeDurable, "watermark")]
    [InlineData("I4", Mutation.NoPositionCheck, "ack")]
    [InlineData("I5", Mutation.NoSequences, "order")]
    [InlineData("I6", Mutation.NoSequences, "sequences")]
    [InlineData("I7", Mutation.UnknownAsFailed, "classification")]
    [InlineData("I8", Mutation.NoSettle, "crash prefix")]
    [InlineData("I8", Mutation.FenceInStaleReads, "watermark")]
    [InlineData("I9", Mutation.FreesBeforeManifest, "manifest")]
    [InlineData("I10", Mutation.NoBounds, "bounds")]
    public async Task Simulation_WhenAMechanismIsTakenOut_FindsTheInvariantBroken(string invariant, Mutation mutation, string check)
    {
        var results = await SimulationRunner.RunAsync(MutationSeedsMax, mutation, result => result.Checks.Contains(check));

        Assert.True(
            results.Exists(result => result.Checks.Contains(check)),
            $"{invariant} without {mutation}: {string.Join(", ", results.SelectMany(result => result.Checks).CountBy(found => found))}");
    }

    [Fact]
    public async Task Simulation_WhenASeedIsRunAgain_RunsTheSame()
    {
        var first = await SimulationRunner.RunAsync(100, Mutation.None, _ => false);

        foreach (var result in first)
            Assert.Equal(result.TraceHash, (await SimulationRunner.RunAsync(result.Seed)).TraceHash);
        Assert.Equal(first.Count, first.Select(result => result.TraceHash).Distinct().Count());
    }

    private static string? Describe(List<SimulationResult> results) =>
        results.Find(result => result.Violation is not null)?.Violation;

    private static int? Setting(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : null;
}
