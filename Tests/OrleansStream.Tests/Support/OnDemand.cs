namespace OrleansStream.Tests.Support;

/// <summary>
/// Skips tests that a run does not ask for, because they take minutes and much of the machine. A variable that is 1 asks for each kind.
/// </summary>
internal static class OnDemand
{
    /// <summary>Asks for the tests of a cluster of processes.</summary>
    public const string ClusterTests = "ORLEANSSTREAM_CLUSTER_TESTS";

    /// <summary>Asks for the loads on a single process, whose times or throughput are judged.</summary>
    public const string LoadTests = "ORLEANSSTREAM_LOAD_TESTS";

    /// <summary>Skips the test unless the run asks for its kind.</summary>
    /// <param name="variable"><see cref="ClusterTests"/> or <see cref="LoadTests"/>.</param>
    public static void Require(string variable) =>
        Assert.SkipUnless(Environment.GetEnvironmentVariable(variable) == "1", $"On demand: set {variable}=1.");
}
