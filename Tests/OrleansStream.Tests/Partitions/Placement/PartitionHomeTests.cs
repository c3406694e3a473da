using System.Net;
using OrleansStream.Partitions;
using OrleansStream.Partitions.Placement;

namespace OrleansStream.Tests.Partitions.Placement;

public sealed class PartitionHomeTests
{
    private const int TopicCount = 50;

    [Theory]
    [InlineData(1, 6)]
    [InlineData(2, 6)]
    [InlineData(3, 6)]
    [InlineData(3, 7)]
    [InlineData(5, 3)]
    [InlineData(4, 50)]
    public void Find_ForAnyTopic_GivesNoSiloTwoMoreThanAnother(int siloCount, int partitionCount)
    {
        var silos = Silos(siloCount);
        foreach (var topic in Topics())
        {
            var homes = Homes(topic, partitionCount, silos);
            int[] counts = [.. silos.Select(silo => homes.Count(silo.Equals))];
            Assert.InRange(counts.Max() - counts.Min(), 0, 1);
            Assert.Equal(homes, Homes(topic, partitionCount, [.. silos.Reverse()]));
        }
    }

    [Fact]
    public void Find_OfTheFirstPartitions_UsesAllSilos()
    {
        var silos = Silos(3);
        Assert.All(silos, silo => Assert.Contains(Topics(), topic => silo.Equals(PartitionHome.Find(new PartitionKey(topic, 0), silos))));
    }

    [Fact]
    public void Find_WhenASiloIsAdded_LeavesManyWhereTheyAre()
    {
        var silos = Silos(4);
        var stay = Topics().Average(topic => Homes(topic, 12, silos[..3]).Zip(Homes(topic, 12, silos))
            .Average(pair => pair.First.Equals(pair.Second) ? 1.0 : 0.0));
        Assert.InRange(stay, 0.4, 0.75);
    }

    private static SiloAddress[] Homes(Guid topic, int partitionCount, SiloAddress[] silos) =>
        [.. Enumerable.Range(0, partitionCount).Select(partition => PartitionHome.Find(new PartitionKey(topic, partition), silos))];

    private static SiloAddress[] Silos(int count) =>
        [.. Enumerable.Range(1, count).Select(i => SiloAddress.New(new IPEndPoint(IPAddress.Loopback, 11_110 + i), i))];

    private static IEnumerable<Guid> Topics() =>
        Enumerable.Range(1, TopicCount).Select(i => new Guid(i * 7_919, 1, 2, 3, 4, 5, 6, 7, 8, 9, (byte)i));
}
