using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Kafka;

/// <summary>The tests that share one service with a Kafka endpoint.</summary>
[CollectionDefinition(Name)]
public sealed class KafkaTests : ICollectionFixture<KafkaFixture>
{
    /// <summary>Their collection's name.</summary>
    public const string Name = "Kafka";
}

/// <summary>The whole service in this process with its data in memory, reached over HTTP and by Kafka's protocol.</summary>
public sealed class KafkaFixture : IAsyncLifetime
{
    /// <summary>A free port of this machine.</summary>
    internal const string AnyPort = "127.0.0.1:0";

    public KafkaFixture() => Api = new ApiFixture(TimeProvider.System, services => services.Configure<KafkaOptions>(kafka =>
    {
        kafka.Enabled = true;
        kafka.Listen = AnyPort;
        kafka.AutoCreatePartitions = 2;
    }));

    /// <summary>The service over HTTP.</summary>
    public ApiFixture Api { get; }

    /// <summary>What clients take as <c>bootstrap.servers</c>.</summary>
    internal string Bootstrap => Api.Part<LocalBroker>().Bound!.ToString();

    /// <summary>The endpoint's port.</summary>
    internal int Port => Api.Part<LocalBroker>().Port;

    public ValueTask InitializeAsync() => Api.InitializeAsync();

    public ValueTask DisposeAsync() => Api.DisposeAsync();
}
