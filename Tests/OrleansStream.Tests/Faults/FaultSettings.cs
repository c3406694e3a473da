using System.Diagnostics;
using System.Globalization;

namespace OrleansStream.Tests.Faults;

/// <summary>How much of the fault matrix is run; each setting is a variable of the environment.</summary>
internal static class FaultSettings
{
    /// <summary>The one seed to run, to repeat what it found.</summary>
    public const string SeedVariable = "ORLEANSSTREAM_FAULT_SEED";

    private const string FirstVariable = "ORLEANSSTREAM_FAULT_FIRST";
    private const string SeedsVariable = "ORLEANSSTREAM_FAULT_SEEDS";
    private const string MinutesVariable = "ORLEANSSTREAM_FAULT_MINUTES";

    /// <summary>
    /// The seeds to run: the one that is set; or from the first that is set, else 1, up: as many as are set, or as long as is set; else a few.
    /// </summary>
    /// <param name="few">How many make the short run.</param>
    public static IEnumerable<int> Seeds(int few)
    {
        if (Setting(SeedVariable) is { } seed)
            return [seed];
        var first = Setting(FirstVariable) ?? 1;
        var started = Stopwatch.GetTimestamp();
        return Setting(MinutesVariable) is { } minutes
            ? Enumerable.Range(first, int.MaxValue - first).TakeWhile(_ => Stopwatch.GetElapsedTime(started) < TimeSpan.FromMinutes(minutes))
            : Enumerable.Range(first, Setting(SeedsVariable) ?? few);
    }

    /// <summary>The command that runs a seed again.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="test">The test's class.</param>
    public static string Again(int seed, Type test) =>
        $"{SeedVariable}={seed} dotnet test -c Release --filter FullyQualifiedName~{test.Name}";

    private static int? Setting(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
}
