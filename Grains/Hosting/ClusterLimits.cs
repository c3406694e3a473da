
namespace OrleansStream.Hosting;

/// <summary>Times and bounds of the cluster.</summary>
internal static class ClusterLimits
{
    /// <summary>
    /// How long a silo waits for the answer to a probe, and the time between probes. After three missed probes the grains of a killed silo move
    /// within 5 s, and those of a hung silo within 15 s (measured: 1.5 s and 12.3 s).
    /// </summary>
    public static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(1);

    /// <summary>The missed probes after which a silo is suspected.</summary>
    public const int MissedProbesMax = 3;

    /// <summary>
    /// How often a silo reads the list of members. A silo that hung and was declared dead learns this from the list, at once when it wakes. Until
    /// then it opens partitions that others serve, and they open them again.
    /// </summary>
    public static readonly TimeSpan MembershipReadPeriod = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a silo that joins waits for a sign of life of each active silo until it probes that one for good. Longer than an active silo
    /// takes to read the row of the one that joins (<see cref="MembershipReadPeriod"/>) and to write. With three missed probes a silo joins
    /// within 20 s though all silos before it were killed.
    /// </summary>
    public static readonly TimeSpan JoinSilenceMax = TimeSpan.FromSeconds(8);

    /// <summary>
    /// The largest message between silos: twice the largest produce, 16 MiB. A larger one would end the connection, so
    /// requests and answers are bounded far below it.
    /// </summary>
    public const int MessageBytesMax = 32 * 1024 * 1024;

    /// <summary>The connections between two silos. There are several, so that a large message does not delay all others.</summary>
    public const int ConnectionsPerEndpoint = 2;

    /// <summary>
    /// How often a client reads the list of silos that accept clients. A hung silo keeps its connections, so only this ends their use, within this
    /// time after the silo was declared dead.
    /// </summary>
    public static readonly TimeSpan GatewayListPeriod = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long a client that lost a connection to a gateway waits for answers through other gateways. A call that is not answered by then counts as
    /// lost with the connection.
    /// </summary>
    public static readonly TimeSpan GatewayLossGrace = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// The most characters of a cluster's or a service's id. The service's id is a part of the names of what is stored, and parts have bounds of
    /// their own.
    /// </summary>
    public const int IdLengthMax = 100;

    /// <summary>
    /// The highest bound of a silo's appends a second. An account takes about twice as many requests in all, and reads and manifests need their
    /// share.
    /// </summary>
    public const int AppendsPerSecondMax = 10_000;

    /// <summary>The timeout of a grain call, whose outcome is then unknown.</summary>
    public static readonly TimeSpan ResponseTimeout = TimeSpan.FromSeconds(30);

    /// <summary>How long a stop may take. First answers under way end, then the last appends of the logs.</summary>
    public static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(30);

    /// <summary>How long an Api node that stops still serves while it reports that it is not ready. This time is part of the stop.</summary>
    public static readonly TimeSpan StopNotice = TimeSpan.FromSeconds(5);

    /// <summary>The least time between two probes of the storage. Within it the last result counts.</summary>
    public static readonly TimeSpan StoreProbePeriod = TimeSpan.FromSeconds(5);

    /// <summary>How long one probe waits. It is below the timeout of the callers of the health check (3 s in infra).</summary>
    public static readonly TimeSpan StoreProbeTimeout = TimeSpan.FromSeconds(2);

    /// <summary>A step back of the system's clock up to this size is the ordinary correction of a clock, and is not logged.</summary>
    public static readonly TimeSpan ClockRegulationMax = TimeSpan.FromSeconds(10);

    /// <summary>How long the storage may be silent before the process is not ready. It covers more than one lost answer.</summary>
    public static readonly TimeSpan StoreSilenceMax = TimeSpan.FromSeconds(10);
}
