using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Cluster;
using OrleansStream.Kafka.Brokers;

namespace OrleansStream.Tests.Kafka.Brokers;

/// <summary>
/// A silo joins the cluster before it listens for Kafka clients. Meanwhile no broker passes an idempotent producer's batches on to it: the producer
/// could learn that they are stored after the new leader has refused the next ones as out of order, and would fail for good.
/// </summary>
public sealed class StartingSiloTests
{
    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public async Task FindRequiredLeader_WhileASiloDoesNotListen_IsThisSiloUnlessTheOtherNeverWill(bool isServing, bool isRequired)
    {
        await using var cluster = new KafkaCluster { BrokersMax = 1, OtherBroker = new QuietBroker(isServing) };
        await cluster.InitializeAsync();
        var silo = cluster.Silos.Single(silo => KafkaCluster.PortOf(silo) != 0);
        var brokers = silo.ServiceProvider.GetRequiredService<ClusterBrokers>();

        // This waits until the other silo has answered.
        await brokers.GetAsync(TestContext.Current.CancellationToken);

        Assert.Equal(isRequired ? silo.SiloAddress : null, brokers.FindRequiredLeader());
    }

    /// <summary>A broker that does not listen.</summary>
    private sealed record QuietBroker(bool IsServing) : IBroker
    {
        public BrokerAddress? Address => null;
    }
}
