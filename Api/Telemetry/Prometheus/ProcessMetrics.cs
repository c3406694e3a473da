using System.Diagnostics.Metrics;
using Microsoft.Extensions.Options;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OrleansStream.Telemetry.Export;

namespace OrleansStream.Telemetry.Prometheus;

/// <summary>
/// The metrics of this process for Prometheus. Collecting begins with the first scrape, so a process that nobody scrapes pays nothing for it.
/// </summary>
/// <param name="service">The name of the process.</param>
/// <param name="services">The host's services.</param>
/// <param name="options">Which meters are collected.</param>
internal sealed class ProcessMetrics(string service, IServiceProvider services, IOptions<TelemetryOptions> options) : IDisposable
{
    private readonly Lock _gate = new();
    private MeterProvider? _provider;
    private RequestDelegate? _write;

    /// <summary>Answers a scrape.</summary>
    /// <param name="context">The request.</param>
    public Task WriteAsync(HttpContext context)
    {
        lock (_gate)
            _write ??= Begin();
        return _write(context);
    }

    /// <inheritdoc/>
    public void Dispose() => _provider?.Dispose();

    private RequestDelegate Begin()
    {
        var metrics = Sdk.CreateMeterProviderBuilder().ConfigureResource(resource => Collected.Describe(resource, service));
        Collected.Choose(metrics, options.Value.Meters);
        var own = services.GetRequiredService<IMeterFactory>();
        metrics.AddView(instrument =>
            // An up-down counter's sum would lack what was there before the first scrape. A meter of another scope is another host's in this process.
            instrument is UpDownCounter<long> or UpDownCounter<int> || (instrument.Meter.Scope is { } scope && !ReferenceEquals(scope, own))
                ? MetricStreamConfiguration.Drop
                : null);
        _provider = metrics.AddPrometheusExporter(prometheus =>
        {
            prometheus.ScrapeResponseCacheDurationMilliseconds = 0;
            prometheus.ScopeInfoEnabled = false;
        }).Build();
        var app = new ApplicationBuilder(services);
        app.UseOpenTelemetryPrometheusScrapingEndpoint(
            _provider, predicate: _ => true, path: null, configureBranchedPipeline: null, optionsName: null);
        return app.Build();
    }
}
