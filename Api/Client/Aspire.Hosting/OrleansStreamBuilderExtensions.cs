using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

/// <summary>Adds OrleansStream to an application host.</summary>
public static class OrleansStreamBuilderExtensions
{
    private const string Tool = "orleansstream";
    private const string ReadyPath = "/health/ready";

    /// <summary>
    /// Adds OrleansStream. It runs as a process, by the .NET tool <c>orleansstream</c>, so no container runtime is needed. It is healthy once it is
    /// ready to serve. Its records are in the folder <c>data/{name}</c> of the application host, and stay there, unless <see cref="WithDataFolder"/>
    /// names another. Its logs, metrics and traces go to the dashboard.
    /// </summary>
    /// <param name="builder">The application host.</param>
    /// <param name="name">The resource's name, by which programs that refer to it know the connection string.</param>
    /// <param name="httpPort">The port for HTTP; null for any that is free.</param>
    /// <param name="kafkaPort">The port for Kafka clients; null for any that is free.</param>
    /// <returns>The resource. <c>WithEnvironment</c> gives it settings of the service, or <c>WithArgs</c>, as they stand behind <c>--</c>.</returns>
    public static IResourceBuilder<OrleansStreamResource> AddOrleansStream(
        this IDistributedApplicationBuilder builder, [ResourceName] string name, int? httpPort = null, int? kafkaPort = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(name);
        var resource = new OrleansStreamResource(name, Tool, builder.AppHostDirectory, Path.Join(builder.AppHostDirectory, "data", name));
        return builder.AddResource(resource)
            .WithHttpEndpoint(httpPort, name: OrleansStreamResource.HttpEndpointName)
            .WithEndpoint(kafkaPort, scheme: "tcp", name: OrleansStreamResource.KafkaEndpointName)
            .WithArgs(context => AddArguments(resource, context.Args))
            .WithHttpHealthCheck(ReadyPath, endpointName: OrleansStreamResource.HttpEndpointName)
            .WithOtlpExporter()
            .WithUrlForEndpoint(OrleansStreamResource.HttpEndpointName, url => url.DisplayText = "Console")
            .WithUrlForEndpoint(OrleansStreamResource.KafkaEndpointName, url => url.DisplayLocation = UrlDisplayLocation.DetailsOnly);
    }

    /// <summary>Keeps the records in another folder. One process owns a folder, so two resources need two.</summary>
    /// <param name="builder">The resource.</param>
    /// <param name="path">The folder, which is made when it is missing; relative to the application host's.</param>
    /// <returns>The resource.</returns>
    public static IResourceBuilder<OrleansStreamResource> WithDataFolder(this IResourceBuilder<OrleansStreamResource> builder, string path)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(path);
        builder.Resource.DataFolder = Path.GetFullPath(path, builder.ApplicationBuilder.AppHostDirectory);
        return builder;
    }

    /// <summary>
    /// Has the manifest name a connection string in place of the process: the service that serves a deployed application is deployed by itself.
    /// </summary>
    /// <param name="builder">The resource.</param>
    /// <returns>The resource.</returns>
    public static IResourceBuilder<OrleansStreamResource> PublishAsConnectionString(this IResourceBuilder<OrleansStreamResource> builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ParameterResourceBuilderExtensions.ConfigureConnectionStringManifestPublisher(builder);
        return builder;
    }

    private static void AddArguments(OrleansStreamResource resource, IList<object> arguments)
    {
        var (http, kafka) = (resource.HttpEndpoint, resource.KafkaEndpoint);
        arguments.Add("serve");
        arguments.Add("--urls");
        arguments.Add(ReferenceExpression.Create($"http://localhost:{http.Property(EndpointProperty.TargetPort)}"));
        arguments.Add("--data");
        arguments.Add(resource.DataFolder);
        arguments.Add("--kafka");
        arguments.Add(ReferenceExpression.Create($"localhost:{kafka.Property(EndpointProperty.TargetPort)}"));
        arguments.Add("--");
        // Clients are told where to connect, and that is the port that the application host has opened for them.
        arguments.Add(ReferenceExpression.Create($"--OrleansStream:Kafka:AdvertisedPort={kafka.Property(EndpointProperty.Port)}"));
    }
}
