using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using OrleansStream.Cluster;
using OrleansStream.Gateway;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Connections;
using OrleansStream.Kafka.Handlers;
using OrleansStream.Kafka.Sasl;

namespace OrleansStream.Kafka;

/// <summary>The Kafka endpoint as a part of a host that has ASP.NET Core's services and the way to the grains.</summary>
public static class KafkaHosting
{
    /// <summary>Adds the endpoint, by the settings of <see cref="KafkaOptions"/>.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddKafka(this IServiceCollection services)
    {
        services.AddGateway();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<KafkaOptions>, KafkaOptionsValidator>());
        services.AddOptions<KafkaOptions>().BindConfiguration(KafkaOptions.SectionName).ValidateOnStart();
        services.AddSingleton<LocalBroker>();
        services.AddSingleton<IBroker>(provider => provider.GetRequiredService<LocalBroker>());
        services.AddSingleton<ClusterBrokers>();
        services.AddSingleton<LeaderEpochs>();
        services.AddSingleton<OtherLeaders>();
        services.AddSingleton<StopSignal>();
        services.AddSingleton<SaslSignIn>();
        services.AddSingleton<ApiTable>();
        services.AddSingleton<KafkaMetrics>();
        services.AddSingleton<RequestQuotas>();
        services.AddSingleton<KafkaConnectionHandler>();
        services.AddSingleton<KafkaServer>();
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<KafkaServer>());
        services.AddHandlers();
        return services;
    }

    /// <summary>The APIs that are served, each by one handler.</summary>
    private static void AddHandlers(this IServiceCollection services)
    {
        services.AddSingleton<IRequestHandler, ProduceHandler>();
        services.AddSingleton<IRequestHandler, FetchHandler>();
        services.AddSingleton<IRequestHandler, ListOffsetsHandler>();
        services.AddSingleton<IRequestHandler, MetadataHandler>();
        services.AddSingleton<IRequestHandler, SaslHandshakeHandler>();
        services.AddSingleton<IRequestHandler, ApiVersionsHandler>();
        services.AddSingleton<IRequestHandler, CreateTopicsHandler>();
        services.AddSingleton<IRequestHandler, DeleteTopicsHandler>();
        services.AddSingleton<IRequestHandler, DeleteRecordsHandler>();
        services.AddSingleton<IRequestHandler, InitProducerIdHandler>();
        services.AddSingleton<IRequestHandler, OffsetForLeaderEpochHandler>();
        services.AddSingleton<IRequestHandler, DescribeConfigsHandler>();
        services.AddSingleton<IRequestHandler>(provider => ActivatorUtilities.CreateInstance<AlterConfigsHandler>(provider, false));
        services.AddSingleton<IRequestHandler, SaslAuthenticateHandler>();
        services.AddSingleton<IRequestHandler, CreatePartitionsHandler>();
        services.AddSingleton<IRequestHandler>(provider => ActivatorUtilities.CreateInstance<AlterConfigsHandler>(provider, true));
        services.AddSingleton<IRequestHandler, DescribeClusterHandler>();
        services.AddSingleton<IRequestHandler, DescribeAclsHandler>();
        services.AddSingleton<IRequestHandler, CreateAclsHandler>();
        services.AddSingleton<IRequestHandler, DeleteAclsHandler>();
        services.AddGroupHandlers();
    }

    private static void AddGroupHandlers(this IServiceCollection services)
    {
        services.AddSingleton<IRequestHandler, FindCoordinatorHandler>();
        services.AddSingleton<IRequestHandler, JoinGroupHandler>();
        services.AddSingleton<IRequestHandler, SyncGroupHandler>();
        services.AddSingleton<IRequestHandler, HeartbeatHandler>();
        services.AddSingleton<IRequestHandler, LeaveGroupHandler>();
        services.AddSingleton<IRequestHandler, OffsetCommitHandler>();
        services.AddSingleton<IRequestHandler, OffsetFetchHandler>();
        services.AddSingleton<IRequestHandler, OffsetDeleteHandler>();
        services.AddSingleton<IRequestHandler, DescribeGroupsHandler>();
        services.AddSingleton<IRequestHandler, ListGroupsHandler>();
        services.AddSingleton<IRequestHandler, DeleteGroupsHandler>();
        services.AddSingleton<IRequestHandler, ConsumerGroupHeartbeatHandler>();
        services.AddSingleton<IRequestHandler, ConsumerGroupDescribeHandler>();
    }
}
