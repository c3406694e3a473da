using System.Text.RegularExpressions;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Architecture;

/// <summary>
/// A timer takes over the span of the request in which it is created. One that outlives the request must not, so <c>OutsideRequest</c> creates it.
/// </summary>
public sealed partial class TimerTests
{
    private static readonly string[] Folders =
        ["Api/Gateway", "Api/Hosting", "Api/HttpErrors", "Api/Kafka", "Api/Rest", "Api/SignIn", "Api/Telemetry", "Grains", "Grains.Interfaces", "Silo"];

    /// <summary>Who creates timers besides, and why.</summary>
    private static readonly (string File, string Reason)[] Allowed =
    [
        ("Api/Rest/Http/SenderWatch.cs", "ends with the request, and calls no grain"),
        ("Api/Rest/Http/TimedResponseBody.cs", "ends with the request, and calls no grain"),
        ("Grains/Hosting/SteadyTimeProvider.cs", "is a clock"),
        ("Grains/Log/Resources/LogPause.cs", "ends with a pause, and calls no grain"),
        ("Grains/Log/State/FetchWaiters.cs", "ends with the request, and calls no grain"),
        ("Grains.Interfaces/Instrumentation/OutsideRequest.cs", "sees to it"),
    ];

    [Fact]
    public void Timers_ThatOutliveARequest_AreCreatedOutsideOfIt() => Assert.Equal(
        Allowed.Select(one => one.File).Order(StringComparer.Ordinal),
        Folders.SelectMany(folder => Directory.EnumerateFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories))
            .Where(path => !BuildOutput().IsMatch(path) && OwnTimer().IsMatch(File.ReadAllText(path)))
            .Select(path => Path.GetRelativePath(Repository.PathOf(), path).Replace('\\', '/'))
            .Order(StringComparer.Ordinal));

    [GeneratedRegex(@"(?<!OutsideRequest)\.CreateTimer\(|\bnew Timer\(")]
    private static partial Regex OwnTimer();

    [GeneratedRegex(@"[/\\](bin|obj)[/\\]")]
    private static partial Regex BuildOutput();
}
