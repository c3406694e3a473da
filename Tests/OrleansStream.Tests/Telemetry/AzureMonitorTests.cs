using System.Collections.Concurrent;
using System.IO.Compression;
using System.Net;
using System.Text.Json.Nodes;
using Azure.Monitor.OpenTelemetry.Exporter;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Telemetry;

/// <summary>What Application Insights gets, and that nothing is made ready for it unless its connection string is set.</summary>
public sealed class AzureMonitorTests
{
    private const string Variable = "APPLICATIONINSIGHTS_CONNECTION_STRING";

    [Theory]
    [InlineData(null, false)]
    [InlineData("", false)]
    [InlineData("InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=http://127.0.0.1:9/", true)]
    public async Task Exporter_IsThereOnlyWithAConnectionString(string? connection, bool isThere)
    {
        // The other way out has traces collected in any case.
        await using var collector = await OtlpCollector.StartAsync();
        (string, string)[] settings =
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Address), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), .. connection is null ? [] : new[] { (Variable, connection) },
        ];
        await using var api = new ApiFixture(TimeProvider.System, configure: null, settings);
        await api.InitializeAsync();

        Assert.Equal(isThere, api.Services.GetServices<IConfigureOptions<AzureMonitorExporterOptions>>().Any());
    }

    [Fact]
    public async Task Service_WithAConnectionString_SendsItsTracesAndServesOnWhenTheyAreNotTaken()
    {
        var items = new ConcurrentQueue<JsonNode>();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(ApiFixture.AnyPort);
        await using var ingestion = builder.Build();
        ingestion.MapPost("/{**path}", (RequestDelegate)(context => TakeAsync(context, items)));
        await ingestion.StartAsync(TestContext.Current.CancellationToken);
        using var folder = new ScratchFolder();
        await using var service = await ServiceProcess.StartAsync(
            folder.Path, port: null, workingFolder: null,
            (Variable, $"InstrumentationKey={Guid.NewGuid()};IngestionEndpoint={ingestion.Urls.First()}/;LiveEndpoint={ingestion.Urls.First()}/"),
            ("APPLICATIONINSIGHTS_STATSBEAT_DISABLED", "true"), ("OTEL_BSP_SCHEDULE_DELAY", "100"));
        using var client = service.Connect();
        await client.CreateTopicAsync("observed", 1);
        var traces = new List<string>();

        // The exporter keeps some traces a second, and requests before these may have used them up.
        await Wait.UntilAsync("the request and the write of a trace have come", async () =>
        {
            traces.Add(await AppendAsync(client));
            return traces.Any(trace => Has(trace, "Request") && Has(trace, "RemoteDependency"));
        });
        await ingestion.StopAsync(TestContext.Current.CancellationToken);
        for (var i = 0; i < 20; i++)
            await AppendAsync(client);
        Assert.True(await service.IsReadyAsync());

        bool Has(string trace, string kind) => items.Any(item => ((string?)item["name"])?.Contains(kind, StringComparison.OrdinalIgnoreCase) == true
            && (string?)item["tags"]?["ai.operation.id"] == trace);
    }

    private static async Task TakeAsync(HttpContext context, ConcurrentQueue<JsonNode> items)
    {
        await using var body = context.Request.Headers.ContentEncoding.Contains("gzip")
            ? new GZipStream(context.Request.Body, CompressionMode.Decompress) : context.Request.Body;
        using var reader = new StreamReader(body);
        var count = 0;
        while (await reader.ReadLineAsync() is { } line)
        {
            if (!line.StartsWith('{'))
                continue;
            items.Enqueue(JsonNode.Parse(line)!);
            count++;
        }

        await context.Response.WriteAsJsonAsync(new { itemsReceived = count, itemsAccepted = count, errors = Array.Empty<string>() });
    }

    private static async Task<string> AppendAsync(ServiceClient client)
    {
        var trace = Guid.NewGuid().ToString("N");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/topics/observed/records")
        {
            Content = ServiceClient.Json(JsonNode.Parse("""{"records":[{"value":1}]}""")!),
        };
        request.Headers.Add("traceparent", $"00-{trace}-00f067aa0ba902b7-01");
        (await client.SendAsync(request)).Expect(HttpStatusCode.OK);
        return trace;
    }
}
