using System.Text.RegularExpressions;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Architecture;

/// <summary>Tests wait for conditions. Those that let a time pass are listed here, each with what keeps it from waiting for a condition.</summary>
public sealed partial class WaitingTests
{
    private const string Load = "on demand: the load runs for this long, and what it did is judged";
    private const string Pace = "the pace of a load or of a store that the test makes up, and no wait for anything";

    private static readonly string[] Projects = ["OrleansStream.Tests", "OrleansStream.Console.Tests", "OrleansStream.Aspire.Tests"];

    /// <summary>Where a test lets a time pass, how often it says so, and why.</summary>
    private static readonly (string File, int Count, string Reason)[] Allowed =
    [
        ("OrleansStream.Aspire.Tests/AppHostTests.cs", 1, "the pause between two looks at a condition, in a project that does not have Wait"),
        ("OrleansStream.Tests/Api/Bodies/SlowClientTests.cs", 1, "nothing tells that the buffers of a browser and of the system are full: the bytes held have to stay the same"),
        ("OrleansStream.Tests/Clients/ClientFaultTests.cs", 3, Load),
        ("OrleansStream.Tests/Cluster/PlacementTests.cs", 1, Pace),
        ("OrleansStream.Tests/EndToEnd/ClusterTests.cs", 1, "on demand: a silo that woke does nothing late in this time"),
        ("OrleansStream.Tests/EndToEnd/CrashTests.cs", 1, "the process is killed at a moment that the seed chooses"),
        ("OrleansStream.Tests/EndToEnd/HotKeyLoadTests.cs", 3, Load),
        ("OrleansStream.Tests/EndToEnd/LineStreamClusterTests.cs", 1, Pace),
        ("OrleansStream.Tests/EndToEnd/LongPollTests.cs", 1, "nothing outside the process tells that a read waits; one that does not yet is only answered sooner"),
        ("OrleansStream.Tests/EndToEnd/SickStoreTests.cs", 5, "the store is ill for this long, under a load that does not wait"),
        ("OrleansStream.Tests/EndToEnd/StopTests.cs", 1, "nothing outside the process tells that requests are under way; one that is not yet fails the test"),
        ("OrleansStream.Tests/EndToEnd/TrickleTests.cs", 1, Pace),
        ("OrleansStream.Tests/EndToEnd/WokenSiloTests.cs", 2, "on demand: the pause between two requests for the same"),
        ("OrleansStream.Tests/Faults/ClusterFaultTests.cs", 3, "a fault lasts for as long as the seed says, and the load goes on for a while behind it"),
        ("OrleansStream.Tests/Faults/FolderFaultTests.cs", 1, "a fault lasts for as long as the seed says"),
        ("OrleansStream.Tests/Groups/GroupClusterTests.cs", 2, Load),
        ("OrleansStream.Tests/Groups/GroupFlowTests.cs", 1, Pace),
        ("OrleansStream.Tests/Groups/GroupGrainTests.cs", 1, Pace),
        ("OrleansStream.Tests/Kafka/Failover/KafkaFailoverTests.cs", 2, Load),
        ("OrleansStream.Tests/Security/SecurityClusterTests.cs", 3, Load),
        ("OrleansStream.Tests/Soak/SoakTests.cs", 2, Load),
        ("OrleansStream.Tests/Support/Stores/FaultyHttpHandler.cs", 1, "a reply that never comes; the wait ends when the caller gives up"),
    ];

    [Fact]
    public void Tests_LetTimePassOnlyWhereItIsListed() => Assert.Equal(
        Allowed.Select(caller => $"{caller.File}: {caller.Count}"),
        Callers().Select(caller => $"{caller.File}: {caller.Count}"));

    // Support has the clocks themselves, and loads that have a pace.
    private static IEnumerable<(string File, int Count)> Callers() => Projects
        .SelectMany(project => Directory.EnumerateFiles(Repository.PathOf("Tests", project), "*.cs", SearchOption.AllDirectories))
        .Select(path => (Path: path, File: Path.GetRelativePath(Repository.PathOf("Tests"), path).Replace('\\', '/')))
        .Where(one => !NotSearched().IsMatch(one.File))
        .Select(one => (one.File, Count: Count(File.ReadAllText(one.Path), isTest: one.File.EndsWith("Tests.cs", StringComparison.Ordinal))))
        .Where(caller => caller.Count > 0)
        .OrderBy(caller => caller.File, StringComparer.Ordinal);

    private static int Count(string text, bool isTest) => Sleep().Count(text) + (isTest ? Pacings().Count(text) : 0);

    [GeneratedRegex(@"/(bin|obj)/|^OrleansStream\.Tests/Support/(Pacing|Wait)\.cs$")]
    private static partial Regex NotSearched();

    [GeneratedRegex(@"\b(Task\.Delay|Thread\.Sleep|Wait\.ForAsync)\(")]
    private static partial Regex Sleep();

    [GeneratedRegex(@"\bPacing\.Real\.Pass\w+\(")]
    private static partial Regex Pacings();
}
