using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Confluent.Kafka;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using OrleansStream.Client;
using OrleansStream.Client.Connections;

namespace OrleansStream.AspireTests;

/// <summary>
/// The example's application host as it runs on a developer's machine, by Aspire's own orchestrator: no container runtime is needed.
/// </summary>
public sealed class AppHostTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("orleansstream-aspire-");
    private readonly CancellationTokenSource _patience = new(Patience, TimeProvider.System);

    private CancellationToken Ended => _patience.Token;

    [Fact]
    public async Task AppHost_WhenItRuns_ServesTheProgramThatRefersToTheServiceAndKafkaClients()
    {
        await using (var app = await StartAsync())
        {
            await app.ResourceNotifications.WaitForResourceHealthyAsync("stream", Ended);
            using var program = await ProgramOfAsync(app);
            var client = program.Services.GetRequiredService<OrleansStreamClient>();
            await client.Admin.Topics.CreateAsync("matches", partitions: 1, cancellationToken: Ended);
            await using (var producer = client.CreateProducer("matches"))
                await producer.SendAsync("peru-chile", "goal", Ended);

            var health = await program.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Ended);
            Assert.Equal(HealthStatus.Healthy, health.Status);
            await UntilCommittedAsync(client);
            Assert.Equal("goal", await ConsumeWithKafkaAsync(app));
            await app.StopAsync(Ended);
        }

        // The records stay when the application host has ended.
        await using var again = await StartAsync();
        await again.ResourceNotifications.WaitForResourceHealthyAsync("stream", Ended);
        using var reading = await ProgramOfAsync(again);
        var values = new List<string?>();
        await foreach (var record in reading.Services.GetRequiredService<OrleansStreamClient>().Read<string>("matches").WithCancellation(Ended))
            values.Add(record.Value);
        Assert.Equal(["goal"], values);
        await again.StopAsync(Ended);
    }

    public void Dispose()
    {
        _patience.Dispose();
        _data.Delete(recursive: true);
    }

    // The example's own application host, whose tool is the one that was built with this test.
    private async Task<DistributedApplication> StartAsync()
    {
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.AppHost>(Ended);
        builder.CreateResourceBuilder<OrleansStreamResource>("stream")
            .WithDataFolder(_data.FullName)
            .WithCommand("dotnet")
            .WithArgs(context => context.Args.Insert(0, Built.CommandLine))
            .WithEnvironment("ORLEANSSTREAM_SERVICE", Built.Service);
        var app = await builder.BuildAsync(Ended);
        await app.StartAsync(Ended);
        return app;
    }

    private async Task<IHost> ProgramOfAsync(DistributedApplication app)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("ConnectionStrings:stream", await app.GetConnectionStringAsync("stream", Ended))]);
        builder.AddOrleansStreamClient("stream");
        return builder.Build();
    }

    // The program of the example works on it as a member of the group.
    private async Task UntilCommittedAsync(OrleansStreamClient client)
    {
        while (true)
        {
            try
            {
                if (await client.Admin.Groups.GetLagAsync("scoreboard", Ended) is { Lag: 0, Partitions.Count: > 0 })
                    return;
            }
            catch (StreamServiceException exception) when (exception.ErrorCode == "GROUP_ID_NOT_FOUND")
            {
                // It has not started yet.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Ended);
        }
    }

    // The endpoint is a proxy of the orchestrator, and the client follows the address that the broker tells it.
    private async Task<string?> ConsumeWithKafkaAsync(DistributedApplication app)
    {
        var stream = app.Services.GetRequiredService<DistributedApplicationModel>().Resources.OfType<OrleansStreamResource>().Single();
        var servers = await stream.BootstrapServersExpression.GetValueAsync(Ended);
        using var consumer = new ConsumerBuilder<string, string>(new ConsumerConfig { BootstrapServers = servers, GroupId = "from-kafka" }).Build();
        consumer.Assign(new TopicPartitionOffset("matches", 0, Offset.Beginning));
        return await Task.Run(() => consumer.Consume(Ended).Message.Value, Ended);
    }
}
