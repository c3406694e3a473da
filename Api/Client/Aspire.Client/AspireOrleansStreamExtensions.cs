using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrleansStream.Client;
using OrleansStream.Client.Hosting;
using OrleansStream.Client.Telemetry;

namespace Microsoft.Extensions.Hosting;

/// <summary>Adds the client of OrleansStream to an application.</summary>
public static class AspireOrleansStreamExtensions
{
    private const string Section = "Aspire:OrleansStream:Client";

    /// <summary>
    /// Adds an <see cref="OrleansStreamClient"/> by the connection string <c>ConnectionStrings:{connectionName}</c>, with a health check, traces and
    /// metrics. Settings are read from <c>Aspire:OrleansStream:Client</c>, and then from <c>Aspire:OrleansStream:Client:{connectionName}</c>. When
    /// the connection string is missing or malformed, the application does not start.
    /// </summary>
    /// <param name="builder">The application.</param>
    /// <param name="connectionName">The name of the resource in the application host.</param>
    /// <param name="configureSettings">Sets what is not to be as configured; null for nothing.</param>
    /// <param name="configureOptions">Sets the client's options, after the connection string's; null for nothing.</param>
    public static void AddOrleansStreamClient(
        this IHostApplicationBuilder builder, string connectionName, Action<OrleansStreamClientSettings>? configureSettings = null,
        Action<OrleansStreamClientOptions>? configureOptions = null)
    {
        var settings = SettingsOf(builder, connectionName, configureSettings);
        builder.Services.AddOrleansStream(options =>
        {
            settings.Apply(connectionName, options);
            configureOptions?.Invoke(options);
        });
        if (!settings.DisableHealthChecks)
            builder.Services.AddHealthChecks().AddOrleansStream();
        Watch(builder, settings);
    }

    /// <summary>
    /// Adds an <see cref="OrleansStreamClient"/> as a service with the key <paramref name="name"/>, for an application that uses several services.
    /// All else is as with <see cref="AddOrleansStreamClient"/>, but the connection string is looked at when the client is first asked for.
    /// </summary>
    /// <param name="builder">The application.</param>
    /// <param name="name">The name of the resource in the application host, and the service's key.</param>
    /// <param name="configureSettings">Sets what is not to be as configured; null for nothing.</param>
    /// <param name="configureOptions">Sets the client's options, after the connection string's; null for nothing.</param>
    public static void AddKeyedOrleansStreamClient(
        this IHostApplicationBuilder builder, string name, Action<OrleansStreamClientSettings>? configureSettings = null,
        Action<OrleansStreamClientOptions>? configureOptions = null)
    {
        var settings = SettingsOf(builder, name, configureSettings);
        builder.Services.AddKeyedSingleton(name, (provider, _) =>
        {
            var options = new OrleansStreamClientOptions { LoggerFactory = provider.GetService<ILoggerFactory>() };
            settings.Apply(name, options);
            configureOptions?.Invoke(options);
            return new OrleansStreamClient(options);
        });
        if (!settings.DisableHealthChecks)
        {
            builder.Services.AddHealthChecks().AddOrleansStreamClient(
                $"{OrleansStreamHosting.HealthCheckName}_{name}", provider => provider.GetRequiredKeyedService<OrleansStreamClient>(name));
        }

        Watch(builder, settings);
    }

    private static OrleansStreamClientSettings SettingsOf(
        IHostApplicationBuilder builder, string name, Action<OrleansStreamClientSettings>? configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(name);
        var settings = new OrleansStreamClientSettings();
        settings.Read(builder.Configuration.GetSection(Section));
        settings.Read(builder.Configuration.GetSection($"{Section}:{name}"));
        settings.ConnectionString = builder.Configuration.GetConnectionString(name) ?? settings.ConnectionString;
        configure?.Invoke(settings);
        return settings;
    }

    private static void Watch(IHostApplicationBuilder builder, OrleansStreamClientSettings settings)
    {
        if (!settings.DisableTracing)
            builder.Services.AddOpenTelemetry().WithTracing(traces => traces.AddSource(ClientTelemetry.Name));
        if (!settings.DisableMetrics)
            builder.Services.AddOpenTelemetry().WithMetrics(metrics => metrics.AddMeter(ClientTelemetry.Name));
    }
}
