using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Appending;
using OrleansStream.Gateway.Cluster;
using OrleansStream.Gateway.Groups;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Reading.Tails;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Gateway.Topics;
using OrleansStream.Instrumentation;
using OrleansStream.Randomness;

namespace OrleansStream.Gateway;

/// <summary>
/// The gateway as a part of a host: what every door appends, reads and polls through. It needs an <see cref="IGrainFactory"/> beside it.
/// </summary>
public static class GatewayHosting
{
    /// <summary>Adds the gateway. Safe to call once for each door.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddGateway(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(RandomSource.System);
        services.TryAddSingleton<RepeatedFailures>();
        // Nobody collects traces, unless telemetry says so.
        services.TryAddSingleton(new RequestTraces());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<QuotaOptions>, QuotaOptionsValidator>());
        services.AddOptions<QuotaOptions>().BindConfiguration(QuotaOptions.SectionName).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<SecurityOptions>, SecurityOptionsValidator>());
        services.AddOptions<SecurityOptions>().BindConfiguration(SecurityOptions.SectionName).ValidateOnStart();
        services.TryAddSingleton<AccessRules>();
        services.TryAddSingleton<FailedSignIns>();
        services.TryAddSingleton<KeySignIn>();
        services.TryAddSingleton<BearerSignIn>();
        services.TryAddSingleton<AccessAdministration>();
        services.TryAddSingleton<Tickets>();
        services.TryAddSingleton(provider => new AccessControl(
            provider.GetRequiredService<AccessRules>(), provider.GetRequiredService<TimeProvider>(), provider.GetService<IAudit>()));
        services.TryAddSingleton<ClientQuotas>();
        services.TryAddSingleton(
            provider => new NodeLoad(provider.GetRequiredService<TimeProvider>(), partOfFree: AdmissionLimits.RequestPartOfFree));
        services.TryAddSingleton(provider => new NodeAnswers(provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton(_ => new NodeWaits());
        services.TryAddSingleton<KnownTopics>();
        services.TryAddSingleton<TopicRoutes>();
        services.TryAddSingleton<ClientProducerIds>();
        services.TryAddSingleton<ProducerLanes>();
        services.TryAddSingleton<RecordsAppender>();
        services.TryAddSingleton<KeyedRequests>();
        services.TryAddSingleton<ClientProducers>();
        services.TryAddSingleton<LostReads>();
        services.TryAddSingleton<PartitionReader>();
        services.TryAddSingleton<PartitionSetReaders>();
        services.TryAddSingleton<PartitionOffsets>();
        services.TryAddSingleton<TopicTails>();
        services.TryAddSingleton<TopicAdministration>();
        services.TryAddSingleton<TopicDirectory>();
        services.TryAddSingleton<TopicPatterns>();
        services.TryAddSingleton<LogEnds>();
        services.TryAddSingleton<ClusterDescriber>();
        services.TryAddSingleton<SiloCalls>();
        services.TryAddSingleton<GroupCoordinator>();
        services.TryAddSingleton<GroupPolls>();
        services.TryAddSingleton<ConsumerGroups>();
        services.TryAddSingleton<GroupOffsets>();
        services.TryAddSingleton<GroupResets>();
        services.TryAddSingleton<GroupLag>();
        return services;
    }
}
