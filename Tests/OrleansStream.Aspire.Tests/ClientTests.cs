using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using OrleansStream.Client;
using OrleansStream.Client.Telemetry;

namespace OrleansStream.AspireTests;

/// <summary>The client in an application: what it takes of the configuration, and what watches it.</summary>
public sealed class ClientTests
{
    [Theory]
    [InlineData("http://a:1", null, "http://a:1/")]
    [InlineData("http://a:1, http://b:2", null, "http://a:1/", "http://b:2/")]
    [InlineData("Endpoint=http://a:1", null, "http://a:1/")]
    [InlineData("endpoints=http://a:1,http://b:2;ApiKey=os_1=2", "os_1=2", "http://a:1/", "http://b:2/")]
    public void ConnectionString_InEachForm_SetsTheOptions(string text, string? apiKey, params string[] endpoints)
    {
        var builder = BuilderOf(("ConnectionStrings:stream", text));
        builder.AddOrleansStreamClient("stream", configureOptions: options => options.RequestTimeout = TimeSpan.FromSeconds(7));
        using var host = builder.Build();

        var options = host.Services.GetRequiredService<IOptions<OrleansStreamClientOptions>>().Value;

        Assert.Equal(endpoints, options.Endpoints.Select(endpoint => endpoint.AbsoluteUri));
        Assert.Equal(apiKey, options.ApiKey);
        Assert.Equal(TimeSpan.FromSeconds(7), options.RequestTimeout);
        Assert.NotNull(host.Services.GetRequiredService<OrleansStreamClient>());
    }

    [Theory]
    [InlineData(null, "ConnectionStrings:stream")]
    [InlineData("Endpoint=http://a:1;Key=os_secret", "'key'")]
    [InlineData("Endpoint=http://a:1;os_secret", "malformed")]
    [InlineData("Endpoint=nowhere", "Endpoints")]
    public async Task Host_WhoseConnectionStringIsMissingOrWrong_DoesNotStartAndTellsNoSecret(string? text, string told)
    {
        var builder = BuilderOf(("ConnectionStrings:stream", text));
        builder.AddOrleansStreamClient("stream");
        using var host = builder.Build();

        var error = await Assert.ThrowsAnyAsync<Exception>(() => host.StartAsync(TestContext.Current.CancellationToken));

        Assert.Contains(told, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("os_secret", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void KeyedClients_HaveAConnectionEach()
    {
        var builder = BuilderOf(("ConnectionStrings:one", "http://a:1"), ("ConnectionStrings:two", "Endpoint=http://b:2"));
        builder.AddKeyedOrleansStreamClient("one");
        builder.AddKeyedOrleansStreamClient("two");
        using var host = builder.Build();

        var checks = host.Services.GetRequiredService<IOptions<HealthCheckServiceOptions>>().Value.Registrations;
        Assert.Equal(["orleansstream_one", "orleansstream_two"], checks.Select(check => check.Name));
        Assert.NotSame(
            host.Services.GetRequiredKeyedService<OrleansStreamClient>("one"), host.Services.GetRequiredKeyedService<OrleansStreamClient>("two"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Aspire:OrleansStream:Client")]
    [InlineData("Aspire:OrleansStream:Client:stream")]
    public void HealthChecksTracesAndMetrics_AreOnUnlessTheConfigurationSwitchesThemOff(string? section)
    {
        var builder = section is null
            ? BuilderOf(("ConnectionStrings:stream", "http://a:1"))
            : BuilderOf(
                ("ConnectionStrings:stream", "http://a:1"), ($"{section}:DisableHealthChecks", "true"), ($"{section}:DisableTracing", "true"),
                ($"{section}:DisableMetrics", "true"));
        // With a provider there is something that the client's source and meter can be added to.
        builder.Services.AddOpenTelemetry().WithTracing(_ => { }).WithMetrics(
            metrics => metrics.AddReader(new BaseExportingMetricReader(new NoExporter())));
        builder.AddOrleansStreamClient("stream");
        using var host = builder.Build();
        _ = host.Services.GetRequiredService<TracerProvider>();
        _ = host.Services.GetRequiredService<MeterProvider>();

        using var source = new ActivitySource(ClientTelemetry.Name);
        Assert.Equal(section is null, source.HasListeners());
        using var meter = new Meter(ClientTelemetry.Name);
        Assert.Equal(section is null, meter.CreateCounter<int>("one").Enabled);
        var checks = host.Services.GetService<IOptions<HealthCheckServiceOptions>>()?.Value.Registrations ?? [];
        Assert.Equal(section is null, checks.Any(check => check.Name == "orleansstream"));
    }

    private static HostApplicationBuilder BuilderOf(params (string Key, string? Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key, setting.Value)));
        return builder;
    }

    // Without a reader no instrument is on.
    private sealed class NoExporter : BaseExporter<Metric>
    {
        public override ExportResult Export(in Batch<Metric> batch) => ExportResult.Success;
    }
}
