using System.Collections.Immutable;
using OrleansStream.Cluster;
using OrleansStream.Gateway.Cluster;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Partitions;
using OrleansStream.Tests.Groups;

namespace OrleansStream.Tests.Kafka.Brokers;

/// <summary>Which silo counts as a partition's leader, where silos answer differently.</summary>
public sealed class FoundLeaderTests
{
    private static readonly SiloAddress First = SiloAddress.FromParsableString("127.0.0.1:11111@1");
    private static readonly SiloAddress Second = SiloAddress.FromParsableString("127.0.0.1:11112@2");

    /// <summary>A silo that was declared dead, and does not know it yet, has logs open that others lead.</summary>
    [Theory]
    [InlineData(4, 5)]
    [InlineData(5, 4)]
    public async Task FindAsync_WhenTwoSilosHaveAPartitionOpen_NamesTheOneWithTheNewerEpoch(int first, int second)
    {
        var epochs = new Dictionary<string, int> { [First.ToParsableString()] = first, [Second.ToParsableString()] = second };
        var grains = Answering.By<IGrainFactory>((_, arguments) =>
            Answering.By<ISiloGrain>((_, _) => new ValueTask<ImmutableArray<int>>([epochs[(string)arguments[0]!]])));
        var topic = new MetadataTopic(KafkaError.None, "t", Guid.NewGuid(), 1, 1);
        var view = new BrokerView([First, Second], new() { [First] = new(1, "a", 1), [Second] = new(2, "b", 2) });

        var leaders = await new LeaderEpochs(new SiloCalls(grains, TimeProvider.System), TimeProvider.System)
            .FindAsync([topic], view, TestContext.Current.CancellationToken);

        Assert.Equal(new KnownLeader(first > second ? First : Second, 5), leaders[new PartitionKey(topic.Id, 0)]);
    }
}
