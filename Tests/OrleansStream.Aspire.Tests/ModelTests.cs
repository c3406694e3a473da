using System.Text.Json;
using System.Text.Json.Nodes;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Publishing;
using Microsoft.Extensions.Logging.Abstractions;

namespace OrleansStream.AspireTests;

/// <summary>What an application host is told of the service: no process is started.</summary>
public sealed class ModelTests
{
    private readonly IDistributedApplicationBuilder _builder = DistributedApplication.CreateBuilder(
        new DistributedApplicationOptions { DisableDashboard = true, AssemblyName = typeof(Projects.AppHost).Assembly.GetName().Name });

    [Fact]
    public async Task Arguments_OfTheResource_AreThoseOfTheTool()
    {
        var stream = _builder.AddOrleansStream("stream").WithDataFolder("records").WithArgs("--OrleansStream:Security:ApiKeys=true");

        var configuration = await ConfigurationOfAsync(stream.Resource);

        Assert.Equal("orleansstream", stream.Resource.Command);
        Assert.Equal(
            [
                "serve",
                "--urls", "http://localhost:{stream.bindings.http.targetPort}",
                "--data", Path.Join(_builder.AppHostDirectory, "records"),
                "--kafka", "localhost:{stream.bindings.kafka.targetPort}",
                "--",
                "--OrleansStream:Kafka:AdvertisedPort={stream.bindings.kafka.port}",
                "--OrleansStream:Security:ApiKeys=true",
            ],
            configuration.Arguments.Select(argument => argument.Value));
    }

    [Fact]
    public void Resource_ByDefault_HasItsEndpointsDataAndHealthCheck()
    {
        var stream = _builder.AddOrleansStream("stream", kafkaPort: 9092).Resource;

        var endpoints = stream.Annotations.OfType<EndpointAnnotation>().ToDictionary(endpoint => endpoint.Name);
        Assert.Equal(["http", "kafka"], endpoints.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(("http", null), (endpoints["http"].UriScheme, endpoints["http"].Port));
        Assert.Equal(("tcp", 9092), (endpoints["kafka"].UriScheme, endpoints["kafka"].Port));
        Assert.Equal(Path.Join(_builder.AppHostDirectory, "data", "stream"), stream.DataFolder);
        Assert.Contains("/health/ready", Assert.Single(stream.Annotations.OfType<HealthCheckAnnotation>()).Key, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reference_ToTheResource_GivesItsConnectionStringAndProperties()
    {
        var stream = _builder.AddOrleansStream("stream");
        var program = _builder.AddExecutable("program", "program", ".").WithReference(stream);

        var environment = (await ConfigurationOfAsync(program.Resource)).EnvironmentVariables.ToDictionary();

        Assert.Equal("{stream.connectionString}", environment["ConnectionStrings__stream"]);
        Assert.Equal("{stream.bindings.http.url}", environment["STREAM_URI"]);
        Assert.Equal("{stream.bindings.kafka.host}:{stream.bindings.kafka.port}", environment["STREAM_BOOTSTRAPSERVERS"]);
        Assert.Equal("Endpoint={stream.bindings.http.url}", stream.Resource.ConnectionStringExpression.ValueExpression);
    }

    /// <summary>A deployed application is told where its service is, and starts none.</summary>
    [Fact]
    public async Task Manifest_OfAResourceThatIsPublishedAsAConnectionString_AsksForIt()
    {
        var stream = _builder.AddOrleansStream("stream").PublishAsConnectionString();

        using var written = new MemoryStream();
        await using (var json = new Utf8JsonWriter(written))
        {
            json.WriteStartObject();
            var context = new ManifestPublishingContext(
                new DistributedApplicationExecutionContext(DistributedApplicationOperation.Publish), "manifest.json", json, TestContext.Current.CancellationToken);
            await stream.Resource.Annotations.OfType<ManifestPublishingCallbackAnnotation>().Last().Callback!(context);
            json.WriteEndObject();
        }

        var manifest = JsonNode.Parse(written.ToArray())!;
        Assert.Equal(("parameter.v0", "{stream.value}"), ((string?)manifest["type"], (string?)manifest["connectionString"]));
        Assert.True((bool?)manifest["inputs"]!["value"]!["secret"]);
        Assert.Null(manifest["command"]);
    }

    // As the manifest has it: with expressions in place of what is known only once it runs.
    private static Task<IExecutionConfigurationResult> ConfigurationOfAsync(IResource resource) => ExecutionConfigurationBuilder.Create(resource)
        .WithArgumentsConfig().WithEnvironmentVariablesConfig()
        .BuildAsync(
            new DistributedApplicationExecutionContext(DistributedApplicationOperation.Publish), NullLogger.Instance,
            TestContext.Current.CancellationToken);
}
