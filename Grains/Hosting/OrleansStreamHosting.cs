using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Messaging;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using OrleansStream.Cluster;
using OrleansStream.Clustering;
using OrleansStream.Errors;
using OrleansStream.Instrumentation;
using OrleansStream.Log.Resources;
using OrleansStream.Maintenance;
using OrleansStream.Partitions;
using OrleansStream.Partitions.Placement;
using OrleansStream.Persistence;
using OrleansStream.Randomness;
using OrleansStream.Security;
using OrleansStream.Storage;
using OrleansStream.Storage.Memory;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Hosting;

/// <summary>Registers the service in a process: a silo, a client of a cluster, or both.</summary>
public static class OrleansStreamHosting
{
    /// <summary>Hosts a silo in this process, by the settings of the <c>OrleansStream</c> section.</summary>
    /// <param name="builder">The host to add it to.</param>
    /// <param name="tracesCalls">True to have traces go on over grain calls, which makes each call a little dearer.</param>
    /// <remarks>Calls from this process to its own grains use no socket. Invalid settings fail the start.</remarks>
    public static IHostApplicationBuilder AddOrleansStreamSilo(this IHostApplicationBuilder builder, bool tracesCalls = false)
    {
        ArgumentNullException.ThrowIfNull(builder);
        AddOptions(builder);
        // Replaces the system's clock, which the REST surface may have registered before.
        builder.Services.Replace(ServiceDescriptor.Singleton<TimeProvider>(services =>
            new SteadyTimeProvider(TimeProvider.System, services.GetRequiredService<ILogger<SteadyTimeProvider>>())));
        builder.Services.AddStores();
        builder.Services.AddSingleton<IClusterPart, SiloPart>();
        return builder.UseOrleans(silo =>
        {
            if (builder.Configuration[ProviderKey] == StorageOptions.AzureBlobsProvider)
                AddAzureGrainStorage(silo);
            silo.AddOrleansStreamGrains();
            if (tracesCalls)
                silo.AddActivityPropagation();
            var services = silo.Services;
            services.AddSingleton<IMembershipTable>(CreateMembershipTable);
            services.AddOptions<EndpointOptions>().Configure<IOptions<OrleansStreamOptions>>(
                (endpoints, options) => SiloEndpoints.Configure(endpoints, options.Value));
            services.AddOptions<SiloConnectionOptions>().Configure<IServiceProvider>((connections, provider) =>
                provider.GetService<ClusterCertificates>()?.Use(connections));
        });
    }

    /// <summary>Makes this process a client of a cluster, by the settings of the <c>OrleansStream</c> section.</summary>
    /// <param name="builder">The host to add it to.</param>
    /// <param name="tracesCalls">True to have traces go on over grain calls, which makes each call a little dearer.</param>
    /// <remarks>The client finds the cluster's silos in the storage that they share.</remarks>
    public static IHostApplicationBuilder AddOrleansStreamClient(this IHostApplicationBuilder builder, bool tracesCalls = false)
    {
        ArgumentNullException.ThrowIfNull(builder);
        AddOptions(builder);
        builder.Services.AddStores();
        builder.Services.AddSingleton<ClientPart>();
        builder.Services.AddSingleton<IClusterPart>(services => services.GetRequiredService<ClientPart>());
        builder.Services.AddHostedService<StopNotice>();
        return builder.UseOrleansClient(client =>
        {
            if (tracesCalls)
                client.AddActivityPropagation();
            client.AddGatewayCountChangedHandler(services => services.GetRequiredService<ClientPart>().OnGatewayCountChanged);
            client.Services.AddSingleton<IGatewayListProvider, DocumentGatewayListProvider>();
            client.Services.Configure<GatewayOptions>(gateway => gateway.GatewayListRefreshPeriod = ClusterLimits.GatewayListPeriod);
            client.Services.AddSingleton<GatewayLoss>();
            client.Services.AddSingleton<IOutgoingGrainCallFilter>(services => services.GetRequiredService<GatewayLoss>());
            client.Services.AddSingleton<IClusterConnectionStatusObserver>(services => services.GetRequiredService<GatewayLoss>());
            client.Services.Configure<ClientMessagingOptions>(Configure);
            client.Services.Configure<ExceptionSerializationOptions>(Configure);
            client.Services.Configure<ConnectionOptions>(Configure);
            client.Services.AddOptions<ClientConnectionOptions>().Configure<IServiceProvider>((connections, provider) =>
                provider.GetService<ClusterCertificates>()?.Use(connections));
        });
    }

    /// <summary>
    /// Adds the services of the grains, and the settings of failure detection and messaging. The caller adds the stores and the membership.
    /// </summary>
    /// <param name="silo">The silo to add it to.</param>
    public static ISiloBuilder AddOrleansStreamGrains(this ISiloBuilder silo)
    {
        ArgumentNullException.ThrowIfNull(silo);
        silo.Services.TryAddSingleton(TimeProvider.System);
        silo.Services.TryAddSingleton(RandomSource.System);
        silo.Services.TryAddSingleton<RepeatedFailures>();
        silo.Services.TryAddSingleton(services => new LogResources(
            services.GetRequiredService<TimeProvider>(), appends: CreateBudget(services), random: services.GetRequiredService<RandomSource>()));
        silo.Services.TryAddSingleton(services => new PartitionInstruments(
            services.GetRequiredService<LogResources>(), services.GetService<MeasuredTopics>(), services.GetService<IMeterFactory>()));
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, MaintenanceTicker>();
        silo.Services.AddSingleton(services => new OpenPartitionIndex(AreCallsDirect(services)));
        silo.Services.AddSingleton<OpenPartitions>();
        silo.Services.AddSingleton<ILiveSilos, LiveSilos>();
        silo.Services.AddSingleton<PartitionLogs>();
        silo.Services.AddSingleton<PartitionTopics>();
        silo.Services.AddSingleton(services => new AccessDocuments(
            services.GetRequiredService<IDocumentStore>(), services.GetRequiredService<IOptions<ClusterOptions>>(),
            services.GetRequiredService<TimeProvider>()));
        silo.Services.AddSingleton<TopicRouters>();
        silo.Services.AddSingleton<ILocalTopics>(services => AreCallsDirect(services) ? services.GetRequiredService<TopicRouters>() : null!);
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => services.GetRequiredService<OpenPartitions>());
        silo.Services.TryAddKeyedSingleton<IGrainStorage>(DocumentGrainStorage.ProviderName, (services, _) => Told(services, new DocumentGrainStorage(
            services.GetRequiredService<IDocumentStore>(),
            services.GetRequiredService<IOptions<ClusterOptions>>(),
            new DocumentGrainStorageOptions(),
            services.GetRequiredService<IActivatorProvider>())));
        silo.AddPlacementDirector<PartitionPlacement, PartitionPlacementDirector>();
        silo.AddPlacementDirector<SiloPlacement, SiloPlacementDirector>();
        silo.Services.AddSingleton<ISiloMeter>(services => new SiloMeter(
            services.GetRequiredService<OpenPartitions>(), services.GetService<OpenStores>()?.Container?.Usage,
            services.GetRequiredService<IOptions<OrleansStreamOptions>>().Value.Storage.AzureBlobs, services.GetRequiredService<LogResources>(),
            services.GetRequiredService<TimeProvider>(), services.GetService<IMeterFactory>()));
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => (SiloMeter)services.GetRequiredService<ISiloMeter>());
        silo.Services.Configure<ClusterMembershipOptions>(membership =>
        {
            membership.ProbeTimeout = ClusterLimits.ProbeTimeout;
            membership.NumMissedProbesLimit = ClusterLimits.MissedProbesMax;
            membership.TableRefreshTimeout = ClusterLimits.MembershipReadPeriod;
            // A connection that accepts bytes does not prove that its silo is alive: that of a hung silo accepts them, too.
            membership.EnableConnectionLivenessCheck = false;
            // This check compares the clocks of two silos. A silo whose clock is ahead would evict every silo as soon as it joins. A silo that dies
            // while it joins blocks nobody, because joining silos ask only active ones.
            membership.EvictWhenMaxJoinAttemptTimeExceeded = false;
        });
        silo.Services.Configure<SiloMessagingOptions>(Configure);
        silo.Services.Configure<ExceptionSerializationOptions>(Configure);
        silo.Services.Configure<ConnectionOptions>(Configure);
        return silo;
    }

    private static AppendBudget? CreateBudget(IServiceProvider services)
    {
        var storage = services.GetRequiredService<IOptions<OrleansStreamOptions>>().Value.Storage;
        return storage is { Provider: StorageOptions.AzureBlobsProvider, AzureBlobs.AppendsPerSecondMax: { } appendsPerSecondMax }
            ? new AppendBudget(appendsPerSecondMax, services.GetRequiredService<TimeProvider>())
            : null;
    }

    private static bool AreCallsDirect(IServiceProvider services) =>
        services.GetRequiredService<IOptions<OrleansStreamOptions>>().Value.Silo.DirectCalls;

    private const string ProviderKey = $"{OrleansStreamOptions.SectionName}:{nameof(OrleansStreamOptions.Storage)}:{nameof(StorageOptions.Provider)}";

    // The lowest source of configuration, so that any other source can override each level.
    private static readonly Dictionary<string, string?> LogLevels = new()
    {
        ["Logging:LogLevel:Orleans"] = nameof(LogLevel.Warning),
        ["Logging:LogLevel:Polly"] = nameof(LogLevel.Warning),
        // One line reports a failed start. The messages about the silo's stop after it help nobody.
        ["Logging:LogLevel:Orleans.Runtime.Silo"] = nameof(LogLevel.Error),
        ["Logging:LogLevel:Orleans.Grain.InvokeException"] = nameof(LogLevel.Error),
        // The calling grain logs the exception. This category also logs each try, with a stack trace.
        ["Logging:LogLevel:Orleans.Storage.AzureBlobGrainStorage"] = nameof(LogLevel.None),
        // A failed activation is tried again at each call to it. The grain, or the storage of its state, logs the failure, and seldom.
        ["Logging:LogLevel:Orleans.Grain"] = nameof(LogLevel.None),
        [$"Logging:LogLevel:{typeof(LoggedGrainStorage).FullName}"] = nameof(LogLevel.None),
        // At each start it once mistakes the machine's uptime for the time since its last check.
        ["Logging:LogLevel:Orleans.Runtime.Watchdog"] = nameof(LogLevel.Error),
        // RunOrleansStreamAsync reports a failed start.
        ["Logging:LogLevel:Microsoft.Extensions.Hosting.Internal.Host"] = nameof(LogLevel.None),
        // The answer has the failed checks, and callers ask every few seconds.
        ["Logging:LogLevel:Microsoft.Extensions.Diagnostics.HealthChecks"] = nameof(LogLevel.None),
        ["Logging:LogLevel:Microsoft.AspNetCore"] = nameof(LogLevel.Warning),
        // It says nothing at these levels, but has an activity and a scope made for every request, a tenth of a small one's memory.
        ["Logging:LogLevel:Microsoft.AspNetCore.Hosting.Diagnostics"] = nameof(LogLevel.None),
    };

    private static void AddOptions(IHostApplicationBuilder builder)
    {
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = LogLevels });
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<StoreProbe>();
        builder.Services.AddSingleton<ClusterCertificates>(services => CreateCertificates(services)!);
        builder.Services.AddSingleton<IReadiness, Readiness>();
        builder.Services.AddHealthChecks().AddCheck<ReadinessCheck>(ReadinessCheck.Name);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = ClusterLimits.ShutdownTimeout);
        builder.Services.AddSingleton<IValidateOptions<OrleansStreamOptions>, OrleansStreamOptionsValidator>();
        builder.Services.AddOptions<OrleansStreamOptions>().BindConfiguration(OrleansStreamOptions.SectionName).ValidateOnStart();
        builder.Services.AddOptions<ClusterOptions>().Configure<IOptions<OrleansStreamOptions>>((cluster, options) =>
        {
            cluster.ClusterId = options.Value.Silo.ClusterId;
            cluster.ServiceId = options.Value.Silo.ServiceId;
        });
    }

    // Null where the settings name no certificate.
    private static ClusterCertificates? CreateCertificates(IServiceProvider services)
    {
        var tls = services.GetRequiredService<IOptions<OrleansStreamOptions>>().Value.Silo.Tls;
        return tls.IsSet
            ? new ClusterCertificates(
                tls.CertificateFile!, tls.KeyFile!, tls.AuthoritiesFile!,
                services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILogger<ClusterCertificates>>())
            : null;
    }

    private static IMembershipTable CreateMembershipTable(IServiceProvider services)
    {
        var cluster = services.GetRequiredService<IOptions<ClusterOptions>>();
        // Storage that one process owns has one silo: the members before it are dead for certain, and are not to be waited for.
        if (services.GetRequiredService<IOptions<OrleansStreamOptions>>().Value.Storage.Provider != StorageOptions.AzureBlobsProvider)
            return new DocumentMembershipTable(new MemoryDocumentStore(), cluster);
        var membership = services.GetRequiredService<IOptions<ClusterMembershipOptions>>().Value;
        return new OwnClockMembershipTable(
            new DocumentMembershipTable(services.GetRequiredService<IDocumentStore>(), cluster),
            services.GetRequiredService<ILocalSiloDetails>().SiloAddress,
            membership.IAmAliveTablePublishTimeout * membership.NumMissedTableIAmAliveLimit,
            ClusterLimits.JoinSilenceMax,
            services.GetRequiredService<TimeProvider>());
    }

    private static void AddAzureGrainStorage(ISiloBuilder silo)
    {
        silo.AddAzureBlobGrainStorage(AzureGrainStorage.OfficialName, options => options.Configure<OpenStores>(
            (official, stores) => AzureGrainStorage.Configure(official, stores.Container!)));
        silo.Services.AddKeyedSingleton<IGrainStorage>(DocumentGrainStorage.ProviderName, (services, _) => Told(services, new AzureGrainStorage(
            services.GetRequiredKeyedService<IGrainStorage>(AzureGrainStorage.OfficialName),
            services.GetRequiredService<OpenStores>().Container!,
            services.GetRequiredService<IOptions<ClusterOptions>>(),
            new DocumentGrainStorageOptions(),
            services.GetRequiredService<IActivatorProvider>())));
    }

    private static LoggedGrainStorage Told(IServiceProvider services, IGrainStorage storage) => new(
        storage, services.GetRequiredService<RepeatedFailures>(), services.GetRequiredService<ILoggerFactory>());

    private static void Configure(MessagingOptions messaging)
    {
        messaging.MaxMessageBodySize = ClusterLimits.MessageBytesMax;
        messaging.ResponseTimeout = ClusterLimits.ResponseTimeout;
        // Nobody waits for the answer any more, so an append without an offset is dropped, and a long poll ends.
        messaging.CancelRequestOnTimeout = true;
    }

    // An exception that Orleans sends may have, as its cause, any exception of a store or of a library below it. Without this filter the caller would
    // only learn that the exception could not be sent.
    private static void Configure(ExceptionSerializationOptions exceptions) =>
        exceptions.SupportedExceptionTypeFilter = static _ => true;

    private static void Configure(ConnectionOptions connections) =>
        connections.ConnectionsPerEndpoint = ClusterLimits.ConnectionsPerEndpoint;
}
