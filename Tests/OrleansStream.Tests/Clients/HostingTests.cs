using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using OrleansStream.Client;
using OrleansStream.Client.Consuming;
using OrleansStream.Client.Hosting;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Clients;

/// <summary>The client in a program with a host: settings, a worker, a health check.</summary>
[Collection(ApiTests.Name)]
public sealed class HostingTests(ApiFixture api)
{
    [Fact]
    public async Task Worker_InAHost_WorksUntilTheHostStopsAndLeavesItsGroup()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0", "1");
        var seen = new ConcurrentQueue<string>();
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("OrleansStream:Endpoints", api.Client.BaseAddress!.ToString())]);
        builder.Services.AddOrleansStream(builder.Configuration.GetSection("OrleansStream"));
        builder.Services.AddHealthChecks().AddOrleansStream();
        builder.Services.AddHostedService(provider => new Worker(provider.GetRequiredService<OrleansStreamClient>(), rig.Group, rig.Topic, seen));
        using var host = builder.Build();

        await host.StartAsync(TestContext.Current.CancellationToken);
        await Wait.UntilAsync("both are worked on", () => seen.Count == 2);
        var health = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(TestContext.Current.CancellationToken);
        await host.StopAsync(TestContext.Current.CancellationToken);

        Assert.Equal(HealthStatus.Healthy, health.Status);
        Assert.Equal(["0", "1"], seen);
        Assert.Equal(2, (await rig.CommittedAsync())[0]);
        Assert.Empty((await rig.Client.Admin.Groups.GetAsync(rig.Group)).Members);
    }

    [Fact]
    public async Task HealthCheck_WhenNobodyAnswers_IsUnhealthy()
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddOrleansStream(options => options.Endpoints.Add(new Uri($"http://127.0.0.1:{FreePort.Find()}")));
        services.AddHealthChecks().AddOrleansStream();
        await using var provider = services.BuildServiceProvider();

        var health = await provider.GetRequiredService<HealthCheckService>().CheckHealthAsync(TestContext.Current.CancellationToken);

        Assert.Equal(HealthStatus.Unhealthy, health.Status);
    }

    /// <summary>Both would share one set of options: one service would be sent the other's key.</summary>
    [Fact]
    public void AddOrleansStream_ASecondTime_IsRefused()
    {
        var services = new ServiceCollection();
        services.AddKeyedSingleton("other", (_, _) => new OrleansStreamClient(new OrleansStreamClientOptions()));
        services.AddOrleansStream(options => options.ApiKey = "os_a");

        var error = Assert.Throws<InvalidOperationException>(() => services.AddOrleansStream(options => options.ApiKey = "os_b"));

        Assert.Contains("keyed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Host_WithoutAnEndpoint_DoesNotStart()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddOrleansStream(builder.Configuration.GetSection("OrleansStream"));
        using var host = builder.Build();

        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));

        Assert.Contains("Endpoints", error.Message, StringComparison.Ordinal);
    }

    private sealed class Worker(OrleansStreamClient client, string group, string topic, ConcurrentQueue<string> seen) : StreamWorker<string>(
        client, group, topic)
    {
        protected override Task HandleAsync(ConsumedRecord<string> record, CancellationToken cancellationToken)
        {
            seen.Enqueue(record.Value!);
            return Task.CompletedTask;
        }
    }
}
