namespace OrleansStream.Kafka.Brokers;

/// <summary>The Kafka endpoint: section <c>OrleansStream:Kafka</c>, in the environment <c>OrleansStream__Kafka__…</c>.</summary>
public sealed class KafkaOptions
{
    /// <summary>The configuration section's name.</summary>
    public const string SectionName = "OrleansStream:Kafka";

    /// <summary>Where the endpoint listens unless it is told otherwise: this machine only.</summary>
    public const string DefaultListen = "localhost:9092";

    /// <summary>True to serve Kafka's protocol. Default true.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>
    /// Host and port to listen on: <c>localhost</c>, an IP address, or <c>*</c> for all of this machine's, then a colon and a port, 0 for a free one.
    /// Default <see cref="DefaultListen"/>. If the default port is in use, the service logs a warning and serves HTTP alone; if a port that is set
    /// here is, the start fails.
    /// </summary>
    public string? Listen { get; set; }

    /// <summary>
    /// The host that clients are told to connect to. Default: the one that is listened on; with <c>*</c> the silo's address if other silos can reach
    /// it, else the address that a client has reached.
    /// </summary>
    public string? AdvertisedHost { get; set; }

    /// <summary>The port that clients are told to connect to. Default: the one that is listened on.</summary>
    public int? AdvertisedPort { get; set; }

    /// <summary>The id of this broker, 0 to 2,147,483,647, which no other one may have. Default: a hash of the advertised address.</summary>
    public int? NodeId { get; set; }

    /// <summary>The certificate by which the endpoint speaks TLS, and nothing else. Default none: it speaks plain.</summary>
    public CertificateOptions Certificate { get; set; } = new();

    /// <summary>
    /// True to create a topic that a client asks for and that there is not, where the client allows it. Default true, as Kafka's broker.
    /// </summary>
    public bool AutoCreateTopics { get; set; } = true;

    /// <summary>The partitions of a topic that is created so, and of one that is created without their count. Default 1, as Kafka's broker.</summary>
    public int AutoCreatePartitions { get; set; } = 1;
}

/// <summary>A server's certificate, in files. They are read again when they change, so it is renewed without a restart.</summary>
public sealed class CertificateOptions
{
    /// <summary>A file in PEM with the certificate and, behind it, those between it and its authority; or a file in PKCS #12. Default none.</summary>
    public string? Path { get; set; }

    /// <summary>The file in PEM with the certificate's private key. Default: it is in <see cref="Path"/>, too.</summary>
    public string? KeyPath { get; set; }

    /// <summary>What the private key is encrypted with. A secret. Default: it is not.</summary>
    public string? Password { get; set; }

    /// <summary>True when there is one.</summary>
    public bool IsSet => !string.IsNullOrEmpty(Path);
}
