using System.Net;
using Microsoft.Extensions.Options;
using OrleansStream.Cluster;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Kafka.Brokers;

/// <summary>This process as a broker: where clients are told to reach it, and its id.</summary>
/// <param name="options">The settings.</param>
/// <param name="silos">The silos of the cluster; null where this process has none.</param>
internal sealed class LocalBroker(IOptions<KafkaOptions> options, ILiveSilos? silos = null) : IBroker
{
    private volatile ListenAddress? _bound;
    private volatile BrokerAddress? _address;

    /// <summary>Notes where the endpoint listens: with the port that it was given where the settings leave that open.</summary>
    /// <param name="address">The address.</param>
    public void Bind(ListenAddress address)
    {
        _bound = address;
        _address = new BrokerAddress(NodeId, HostFor(reached: null), Port);
    }

    /// <summary>Where the endpoint listens; null before it does.</summary>
    public ListenAddress? Bound => _bound;

    /// <inheritdoc/>
    public BrokerAddress? Address => _address;

    /// <inheritdoc/>
    public bool IsServing => options.Value.Enabled;

    /// <summary>The broker's id.</summary>
    public int NodeId => options.Value.NodeId ?? _address?.NodeId ?? HashOf($"{HostFor(reached: null)}:{Port}");

    /// <summary>The port that clients are told.</summary>
    public int Port => options.Value.AdvertisedPort ?? _bound?.Port ?? 0;

    /// <summary>The host that a client is told.</summary>
    /// <param name="reached">The address that it reached; null for a name that is the same for all.</param>
    public string HostFor(EndPoint? reached)
    {
        if (options.Value.AdvertisedHost is { } advertised)
            return advertised;
        if (_bound is { IsAny: false } bound)
            return bound.Host;
        // Other silos tell their clients of this broker, so all must tell the same: the address at which the silos reach each other.
        if (silos is { Own.Endpoint.Address: { } own } && !IPAddress.IsLoopback(own))
            return own.ToString();
        return (reached as IPEndPoint)?.Address.ToString() ?? Dns.GetHostName();
    }

    // Never negative: clients take -1 for "nobody".
    private static int HashOf(string address) => Murmur2.Hash(System.Text.Encoding.UTF8.GetBytes(address)) & int.MaxValue;
}
