using OrleansStream.Tests.EndToEnd;
using OrleansStream.Tests.Faults;
using OrleansStream.Tests.OpenApi;
using OrleansStream.Tests.Simulation;
using OrleansStream.Tests.Support;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(LongestFirst))]

namespace OrleansStream.Tests.Support;

/// <summary>
/// Starts the collections that take longest before all others: else one that comes last runs alone at the end, while the other processors have
/// nothing to do.
/// </summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly Type[] Longest =
    [
        typeof(SwaggerPageTests), typeof(ClusterFaultTests), typeof(CrashTests), typeof(FolderFaultTests), typeof(GeneratedClientTests),
        typeof(RetryTests),
        typeof(SimulationTests),
    ];

    /// <inheritdoc/>
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection => [.. testCollections.OrderBy(RankOf)];

    private static int RankOf<TTestCollection>(TTestCollection collection)
        where TTestCollection : ITestCollection
    {
        var rank = Array.FindIndex(Longest, type => collection.TestCollectionDisplayName.Contains($"{type.FullName} ", StringComparison.Ordinal));
        return rank < 0 ? Longest.Length : rank;
    }
}
