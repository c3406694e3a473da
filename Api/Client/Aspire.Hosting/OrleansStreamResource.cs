namespace Aspire.Hosting.ApplicationModel;

/// <summary>OrleansStream in an application host: a process on this machine that serves HTTP and Kafka clients and owns a data folder.</summary>
public sealed class OrleansStreamResource : ExecutableResource, IResourceWithConnectionString
{
    internal const string HttpEndpointName = "http";
    internal const string KafkaEndpointName = "kafka";

    /// <summary>Makes the resource. <c>AddOrleansStream</c> also gives it its endpoints and arguments.</summary>
    /// <param name="name">The resource's name, which is its connection string's name, too.</param>
    /// <param name="command">The command line <c>orleansstream</c>, or a path to it.</param>
    /// <param name="workingDirectory">The folder in which it is started.</param>
    /// <param name="dataFolder">The full path of the data folder.</param>
    public OrleansStreamResource(string name, string command, string workingDirectory, string dataFolder) : base(name, command, workingDirectory)
    {
        ArgumentException.ThrowIfNullOrEmpty(dataFolder);
        DataFolder = dataFolder;
        HttpEndpoint = new EndpointReference(this, HttpEndpointName);
        KafkaEndpoint = new EndpointReference(this, KafkaEndpointName);
    }

    /// <summary>Where REST is served, with the console and Swagger UI.</summary>
    public EndpointReference HttpEndpoint { get; }

    /// <summary>Where Kafka clients are served.</summary>
    public EndpointReference KafkaEndpoint { get; }

    /// <summary>The full path of the data folder. One process owns it.</summary>
    public string DataFolder { get; internal set; }

    /// <summary>The connection string: <c>Endpoint=http://localhost:…</c>.</summary>
    public ReferenceExpression ConnectionStringExpression => ReferenceExpression.Create($"Endpoint={HttpEndpoint.Property(EndpointProperty.Url)}");

    /// <summary>What a Kafka client takes as <c>bootstrap.servers</c>.</summary>
    public ReferenceExpression BootstrapServersExpression => ReferenceExpression.Create($"{KafkaEndpoint.Property(EndpointProperty.HostAndPort)}");

    // A program in any language gets them as environment variables, such as STREAM_URI and STREAM_BOOTSTRAPSERVERS.
    IEnumerable<KeyValuePair<string, ReferenceExpression>> IResourceWithConnectionString.GetConnectionProperties() =>
    [
        new("Host", ReferenceExpression.Create($"{HttpEndpoint.Property(EndpointProperty.Host)}")),
        new("Port", ReferenceExpression.Create($"{HttpEndpoint.Property(EndpointProperty.Port)}")),
        new("Uri", ReferenceExpression.Create($"{HttpEndpoint.Property(EndpointProperty.Url)}")),
        new("BootstrapServers", BootstrapServersExpression),
    ];
}
