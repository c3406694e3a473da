namespace OrleansStream.Tests.Soak;

/// <summary>The judge of a soak tells what rises from what only moves.</summary>
public sealed class SoakRowTests
{
    [Fact]
    public void FindRisen_WhenAllStaysAsItIs_FindsNothing() =>
        Assert.Empty(SoakRow.FindRisen([.. Enumerable.Range(0, 20).Select(i => Row(i, memory: 200 + (i % 3 * 20)))]));

    [Fact]
    public void FindRisen_WhenMemoryGrows_SaysSo() =>
        Assert.StartsWith("memory rose", Assert.Single(SoakRow.FindRisen([.. Enumerable.Range(0, 20).Select(i => Row(i, memory: 200 + (i * 20)))])), StringComparison.Ordinal);

    [Fact]
    public void FindRisen_WhenHandlesLeak_SaysSo() =>
        Assert.StartsWith("handles rose", Assert.Single(SoakRow.FindRisen([.. Enumerable.Range(0, 20).Select(i => Row(i, handles: 100 + (i * 10)))])), StringComparison.Ordinal);

    private static SoakRow Row(int minute, double memory = 200, int handles = 100) =>
        new(minute, memory, handles, 50, (100, 5, 20), (100, 5, 20));
}
