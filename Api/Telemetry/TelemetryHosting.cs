using Azure.Monitor.OpenTelemetry.Exporter;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using OrleansStream.Gateway;
using OrleansStream.Instrumentation;
using OrleansStream.Telemetry.Cluster;
using OrleansStream.Telemetry.Export;
using OrleansStream.Telemetry.Prometheus;
using OrleansStream.Telemetry.Traces;

namespace OrleansStream.Telemetry;

/// <summary>Adds metrics, traces and logs to a process: OTLP, Azure Monitor, and the endpoints that Prometheus scrapes.</summary>
public static class TelemetryHosting
{
    // The calls of grains. Orleans takes interfaces whose names begin with its own for parts of it, which the service's do.
    private static readonly string[] GrainCalls = ["Microsoft.Orleans.Application", "Microsoft.Orleans.Runtime"];

    /// <summary>
    /// Adds what the standard variables ask for, and what the endpoints need. Must come after the logging was set up, and before the way to the
    /// grains is added.
    /// </summary>
    /// <param name="builder">The host.</param>
    /// <param name="service">The name of the process, unless <c>OTEL_SERVICE_NAME</c> has another.</param>
    /// <returns>True when traces are collected, so that grain calls must carry them on.</returns>
    /// <exception cref="OptionsValidationException">A variable has a value that is not understood.</exception>
    public static bool AddTelemetry(this WebApplicationBuilder builder, string service)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var services = builder.Services;
        services.AddGateway();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<TelemetryOptions>, TelemetryOptionsValidator>());
        services.AddOptions<TelemetryOptions>().BindConfiguration(TelemetryOptions.SectionName).ValidateOnStart();
        services.AddSingleton(provider => new MeasuredTopics(provider.GetRequiredService<IOptions<TelemetryOptions>>().Value.PartitionTopics));
        services.AddSingleton<RecordAges>();
        services.AddSingleton<ClusterSnapshots>();
        services.AddSingleton<ClusterInstruments>();
        services.AddHostedService(provider => provider.GetRequiredService<ClusterInstruments>());
        services.AddSingleton<MetricsGate>();
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<ProcessMetrics>(provider, service));
        services.AddSingleton<MetricsEndpoints>();
        var settings = ExportSettings.Read(builder.Configuration);
        if (settings.HasAny)
            AddExport(builder, settings, service);
        return settings.HasTraces;
    }

    /// <summary>Serves <c>/metrics</c> and <c>/metrics/kafka</c>.</summary>
    /// <param name="app">The host, with the rest of its pipeline.</param>
    public static void UseTelemetry(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        app.Services.GetRequiredService<MetricsEndpoints>().Map(app);
    }

    private static void AddExport(WebApplicationBuilder builder, ExportSettings settings, string service)
    {
        var telemetry = builder.Services.AddOpenTelemetry().ConfigureResource(resource => Collected.Describe(resource, service));
        if (settings.HasTraces)
        {
            builder.Services.AddSingleton(new RequestTraces(TraceSampling.Read(builder.Configuration)));
            builder.Services.AddSingleton<IStartupFilter, RequestSpanFilter>();
            telemetry.WithTracing(tracing => AddTraces(tracing, settings));
        }

        if (settings.HasMetrics)
        {
            var meters = builder.Configuration.GetSection(TelemetryOptions.SectionName).Get<TelemetryOptions>()?.Meters ?? [];
            telemetry.WithMetrics(metrics => AddMetrics(metrics, settings, meters));
        }

        if (settings.HasLogs)
            telemetry.WithLogging(logs => AddLogs(logs, settings));
    }

    private static void AddTraces(TracerProviderBuilder tracing, ExportSettings settings)
    {
        tracing.AddSource([StreamTelemetry.Name, .. GrainCalls]);
        tracing.SetSampler(TraceSampling.BelowRequests);
        if (settings.Traces.IsSent)
            tracing.AddOtlpExporter(otlp => Configure(otlp, settings.Traces));
        if (settings.AzureMonitor is { } connection)
            tracing.AddAzureMonitorTraceExporter(azure => Configure(azure, connection));
    }

    private static void AddMetrics(MeterProviderBuilder metrics, ExportSettings settings, string[] meters)
    {
        Collected.Choose(metrics, meters);
        if (settings.Metrics.IsSent)
            metrics.AddOtlpExporter(otlp => Configure(otlp, settings.Metrics));
        if (settings.AzureMonitor is { } connection)
            metrics.AddAzureMonitorMetricExporter(azure => Configure(azure, connection));
    }

    private static void AddLogs(LoggerProviderBuilder logs, ExportSettings settings)
    {
        if (settings.Logs.IsSent)
            logs.AddOtlpExporter(otlp => Configure(otlp, settings.Logs));
        if (settings.AzureMonitor is { } connection)
            logs.AddAzureMonitorLogExporter(azure => Configure(azure, connection));
    }

    private static void Configure(OtlpExporterOptions otlp, SignalSettings signal)
    {
        if (signal.Protocol is { } protocol)
            otlp.Protocol = protocol == "grpc" ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
        if (signal.Headers is { } headers)
            otlp.Headers = headers;
        // Set by code it is used as it is; the common one gets the signal's path.
        if (signal.Endpoint is { } endpoint)
            otlp.Endpoint = endpoint;
    }

    private static void Configure(AzureMonitorExporterOptions azure, string connection)
    {
        azure.ConnectionString = connection;
        // What could not be sent stays in memory, and is bounded: nothing of the service is written beside its storage.
        azure.DisableOfflineStorage = true;
    }
}
