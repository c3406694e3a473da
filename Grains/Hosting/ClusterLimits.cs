
namespace OrleansStream.Hosting;

/// <summary>The times and bounds of the cluster itself.</summary>
internal static class ClusterLimits
{
    /// <summary>
    /// How long a silo's answer to a probe is waited for, and the time between probes. With three missed probes a killed
    /// silo's grains move within 5 s and a hung one's within 15 s (measured: 1.5 s and 12.3 s).
    /// </summary>
    public static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(1);

    /// <summary>The probes missed until a silo is suspected.</summary>
    public const int MissedProbesMax = 3;

    /// <summary>
    /// How often a silo reads the list of members. One that hung and was declared dead learns it by that, at once when it wakes. Until it knows, it
    /// opens partitions that others serve, and they open them again.
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

    /// <summary>The connections between two silos, so that a large message does not hold up all others.</summary>
    public const int ConnectionsPerEndpoint = 2;

    /// <summary>
    /// How often a client reads which silos take it. A hung silo keeps its connections, so this is what ends their use: within
    /// this time of its being declared dead.
    /// </summary>
    public static readonly TimeSpan GatewayListPeriod = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long a client waits, after it lost a connection to a gateway, for answers that come through others; what is not answered then was
    /// lost with it.
    /// </summary>
    public static readonly TimeSpan GatewayLossGrace = TimeSpan.FromMilliseconds(500);

    /// <summary>When a grain call is given up, its outcome unknown.</summary>
    public static readonly TimeSpan ResponseTimeout = TimeSpan.FromSeconds(30);

    /// <summary>How long a stop may take: answers under way, then the logs' last appends.</summary>
    public static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(30);

    /// <summary>How long an Api node says that it is not ready and still serves, before it stops. Part of the stop.</summary>
    public static readonly TimeSpan StopNotice = TimeSpan.FromSeconds(5);

    /// <summary>The least time between two looks whether the storage answers; within it the last answer counts.</summary>
    public static readonly TimeSpan StoreProbePeriod = TimeSpan.FromSeconds(5);

    /// <summary>How long one look waits; below the patience of whoever asks (3 s in infra).</summary>
    public static readonly TimeSpan StoreProbeTimeout = TimeSpan.FromSeconds(2);

    /// <summary>How long the storage may not have answered until a process is not ready: one lost answer is no reason.</summary>
    public static readonly TimeSpan StoreSilenceMax = TimeSpan.FromSeconds(10);
}
