using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OrleansStream.Client;
using OrleansStream.Client.Consuming;
using OrleansStream.Client.Hosting;

var builder = Host.CreateApplicationBuilder(args);
builder.AddOrleansStreamClient("stream");
builder.Services.AddHostedService<Scorekeeper>();
builder.Build().Run();

internal sealed class Scorekeeper(OrleansStreamClient client) : StreamWorker<string>(client, "scoreboard", "matches")
{
    protected override Task HandleAsync(ConsumedRecord<string> record, CancellationToken cancellationToken)
    {
        Console.WriteLine($"{record.Key}: {record.Value}");
        return Task.CompletedTask;
    }
}
