namespace OrleansStream.Kafka.Brokers;

/// <summary>The Kafka endpoint: section <c>OrleansStream:Kafka</c>, in the environment <c>OrleansStream__Kafka__…</c>.</summary>
public sealed class KafkaOptions
{
    /// <summary>The configuration section's name.</summary>
    public const string SectionName = "OrleansStream:Kafka";

    /// <summary>Where the endpoint listens unless it is told otherwise: this machine only.</summary>
    public const string DefaultListen = "localhost:9092";

    /// <summary>True to serve Kafka's protocol. Default false.</summary>
    public bool Enabled { get; set; }

    /// <summary>
    /// Host and port to listen on: <c>localhost</c>, an IP address, or <c>*</c> for all of this machine's, then a colon and a port, 0 for a free one.
    /// Default <see cref="DefaultListen"/>. If the default port is in use, the service logs a warning and serves HTTP alone; if a port that is set
    /// here is, the start fails.
    /// </summary>
    public string? Listen { get; set; }

    /// <summary>
    /// The host that clients are told to connect to. Default: the one that is listened on; with <c>*</c> the silo's address if other silos can reach it,
    /// else the address that a client has reached.
    /// </summary>
    public string? AdvertisedHost { get; set; }

    /// <summary>The port that clients are told to connect to. Default: the one that is listened on.</summary>
    public int? AdvertisedPort { get; set; }

    /// <summary>The id of this broker, 0 to 2,147,483,647, which no other one may have. Default: a hash of the advertised address.</summary>
    public int? NodeId { get; set; }

    /// <summary>
    /// True to create a topic that a client asks for and that there is not, where the client allows it. Default true, as Kafka's broker.
    /// </summary>
    public bool AutoCreateTopics { get; set; } = true;

    /// <summary>The partitions of a topic that is created so, and of one that is created without their count. Default 1, as Kafka's broker.</summary>
    public int AutoCreatePartitions { get; set; } = 1;
}
