namespace OrleansStream.Tests.EndToEnd;

/// <summary>What tests that start several processes at once rely on: each of them has its ports to itself.</summary>
public sealed class FreePortTests
{
    [Fact]
    public void FindRow_AndAgain_NeverOverlaps()
    {
        var found = new HashSet<int>();
        foreach (var count in new[] { 28, 2, 1, 1, 5, 28, 1 })
        {
            var first = FreePort.FindRow(count);
            Assert.All(Enumerable.Range(first, count), port => Assert.True(found.Add(port), $"{port} was found twice"));
        }
    }
}
