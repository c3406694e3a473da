using System.Text;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Tests.Topics.Partitioning;

public sealed class KeyPartitionerTests
{
    // The vectors of Kafka's own UtilsTest.testMurmur2.
    [Theory]
    [InlineData("21", -973932308)]
    [InlineData("foobar", -790332482)]
    [InlineData("a-little-bit-long-string", -985981536)]
    [InlineData("a-little-bit-longer-string", -1486304829)]
    [InlineData("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971)]
    [InlineData("abc", 479470107)]
    public void Hash_WhenKafkaNamesTheResult_IsThat(string key, int hash) =>
        Assert.Equal(hash, Murmur2.Hash(Encoding.UTF8.GetBytes(key)));

    [Theory]
    [InlineData(6)]
    [InlineData(97)]
    public async Task Choose_WhenKeysAreOfAnyBytes_IsWhereKafkasClientPutsThem(int partitionCount)
    {
        var random = new Random(20260611);
        byte[][] keys = [.. Enumerable.Range(0, 1_000).Select(i =>
        {
            var key = new byte[1 + i % 70];
            random.NextBytes(key);
            return key;
        })];

        var (_, lines) = await ForeignProgram.RunAsync(
            "choose-partitions.cjs", [$"{partitionCount}"], [.. keys.Select(Convert.ToBase64String)]);

        Assert.Equal(lines.Select(int.Parse), keys.Select(key => KeyPartitioner.Choose(key, partitionCount)));
    }

    [Fact]
    public void Next_WhenCalledForManyBatches_GivesEveryPartitionItsShare()
    {
        var sticky = new StickyPartitioner(start: int.MaxValue);
        var counts = new int[7];
        for (var i = 0; i < 7_000; i++)
            counts[sticky.Next(7)]++;

        Assert.All(counts, count => Assert.Equal(1_000, count));
    }
}
