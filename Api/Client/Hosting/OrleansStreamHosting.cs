using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace OrleansStream.Client.Hosting;

/// <summary>Adds a client to a program's services.</summary>
public static class OrleansStreamHosting
{
    /// <summary>The name of the health check.</summary>
    public const string HealthCheckName = "orleansstream";

    /// <summary>Adds an <see cref="OrleansStreamClient"/>. Its settings are checked when the program starts.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the client's options.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddOrleansStream(this IServiceCollection services, Action<OrleansStreamClientOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return services.AddOrleansStream((_, options) => configure(options));
    }

    /// <summary>Adds an <see cref="OrleansStreamClient"/>. Its settings are checked when the program starts.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the client's options, with what the program's services have.</param>
    /// <returns>The services.</returns>
    /// <exception cref="InvalidOperationException">
    /// A client was added before. Two would share one set of options, and the key of one service would be sent to the other.
    /// </exception>
    public static IServiceCollection AddOrleansStream(
        this IServiceCollection services, Action<IServiceProvider, OrleansStreamClientOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        if (services.Any(service => service.ServiceType == typeof(OrleansStreamClient) && !service.IsKeyedService))
        {
            throw new InvalidOperationException(
                "An OrleansStream client was added before, and both would share their addresses and keys. Add a second one as a keyed service: services.AddKeyedSingleton(name, (_, _) => new OrleansStreamClient(options)).");
        }

        services.AddOptions<OrleansStreamClientOptions>()
            .Configure<IServiceProvider>((options, provider) =>
            {
                options.LoggerFactory = provider.GetService<ILoggerFactory>();
                configure(provider, options);
            }).ValidateOnStart();
        services.AddSingleton<IValidateOptions<OrleansStreamClientOptions>, Validator>();
        services.AddSingleton(provider => new OrleansStreamClient(provider.GetRequiredService<IOptions<OrleansStreamClientOptions>>().Value));
        return services;
    }

    /// <summary>
    /// Adds an <see cref="OrleansStreamClient"/> by the program's configuration: <c>Endpoints</c> (one address, several with commas, or a list),
    /// <c>ApiKey</c>, <c>ClientId</c>, <c>RequestTimeout</c>.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configuration">The section, such as <c>builder.Configuration.GetSection("OrleansStream")</c>.</param>
    /// <param name="configure">Sets what is not in it; null for nothing.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddOrleansStream(
        this IServiceCollection services, IConfiguration configuration, Action<OrleansStreamClientOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return services.AddOrleansStream((_, options) =>
        {
            Read(configuration, options);
            configure?.Invoke(options);
        });
    }

    /// <summary>Adds a check, named <see cref="HealthCheckName"/>, that the service is ready to serve this client.</summary>
    /// <param name="checks">The health checks.</param>
    /// <returns>The health checks.</returns>
    public static IHealthChecksBuilder AddOrleansStream(this IHealthChecksBuilder checks) =>
        checks.AddOrleansStreamClient(HealthCheckName, provider => provider.GetRequiredService<OrleansStreamClient>());

    /// <summary>Adds a check that the service is ready to serve a client, for a program that has several.</summary>
    /// <param name="checks">The health checks.</param>
    /// <param name="name">The check's name.</param>
    /// <param name="client">Gives the client.</param>
    /// <returns>The health checks.</returns>
    public static IHealthChecksBuilder AddOrleansStreamClient(
        this IHealthChecksBuilder checks, string name, Func<IServiceProvider, OrleansStreamClient> client)
    {
        ArgumentNullException.ThrowIfNull(checks);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(client);
        return checks.Add(new HealthCheckRegistration(name, provider => new ServiceHealthCheck(client(provider)), failureStatus: null, tags: null));
    }

    // By hand: binding by reflection is not for programs that are trimmed.
    private static void Read(IConfiguration configuration, OrleansStreamClientOptions options)
    {
        var endpoints = configuration.GetSection(nameof(options.Endpoints));
        var addresses = endpoints.Value is { } text
            ? text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            : endpoints.GetChildren().Select(child => child.Value ?? "");
        foreach (var address in addresses)
            options.Endpoints.Add(Uri.TryCreate(address, UriKind.Absolute, out var uri) ? uri : new Uri(address, UriKind.RelativeOrAbsolute));
        options.ApiKey = configuration[nameof(options.ApiKey)] ?? options.ApiKey;
        options.ClientId = configuration[nameof(options.ClientId)] ?? options.ClientId;
        if (configuration[nameof(options.RequestTimeout)] is { } timeout)
            options.RequestTimeout = TimeSpan.TryParse(timeout, out var time) ? time : TimeSpan.Zero;
    }

    private sealed class Validator : IValidateOptions<OrleansStreamClientOptions>
    {
        public ValidateOptionsResult Validate(string? name, OrleansStreamClientOptions options)
        {
            string[] faults = [.. options.Faults()];
            return faults.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
        }
    }
}
