using System.Text;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Tests.Topics.Partitioning;

public sealed class HotKeySpreadTests
{
    [Theory]
    [InlineData(4, 12, 4)]
    [InlineData(4, 3, 3)]
    [InlineData(64, 1, 1)]
    public void Choose_OfAHotKey_UsesAsManyPartitionsAsAskedEvenly(int width, int partitionCount, int expected)
    {
        var spread = new HotKeySpread(width, ["hot", "à la"]);
        foreach (var name in (string[])["hot", "à la"])
        {
            var key = Encoding.UTF8.GetBytes(name);
            var turns = Enumerable.Range(0, 120).Select(turn => spread.Choose(key, partitionCount, turn)).ToList();
            Assert.Equal(KeyPartitioner.Choose(key, partitionCount), turns[0]);
            Assert.Equal(expected, turns.Distinct().Count());
            Assert.All(turns.CountBy(partition => partition), pair => Assert.Equal(120 / expected, pair.Value));
        }
    }

    [Fact]
    public void Choose_OfAnyOtherKey_IsKafkas()
    {
        var spread = new HotKeySpread(4, ["hot"]);
        for (var i = 0; i < 100; i++)
        {
            var key = Encoding.UTF8.GetBytes($"hot{i}");
            Assert.Equal(KeyPartitioner.Choose(key, 12), spread.Choose(key, 12, i));
        }
    }
}
