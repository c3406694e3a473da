using System.Net;
using Microsoft.Extensions.Options;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Kafka.Brokers;

/// <summary>This process as a broker: where clients are told to reach it, and its id.</summary>
/// <param name="options">The settings.</param>
internal sealed class LocalBroker(IOptions<KafkaOptions> options)
{
    private volatile ListenAddress? _bound;

    /// <summary>Notes where the endpoint listens: with the port that it was given where the settings leave that open.</summary>
    /// <param name="address">The address.</param>
    public void Bind(ListenAddress address) => _bound = address;

    /// <summary>Where the endpoint listens; null before it does.</summary>
    public ListenAddress? Bound => _bound;

    /// <summary>The broker's id.</summary>
    public int NodeId => options.Value.NodeId ?? HashOf($"{HostFor(null)}:{Port}");

    /// <summary>The port that clients are told.</summary>
    public int Port => options.Value.AdvertisedPort ?? _bound?.Port ?? 0;

    /// <summary>The host that a client is told.</summary>
    /// <param name="reached">The address that it reached; null for a name that is the same for all.</param>
    public string HostFor(EndPoint? reached) => options.Value.AdvertisedHost
        ?? (_bound is { IsAny: false } bound ? bound.Host : (reached as IPEndPoint)?.Address.ToString() ?? Dns.GetHostName());

    // Never negative: clients take -1 for "nobody".
    private static int HashOf(string address) => Murmur2.Hash(System.Text.Encoding.UTF8.GetBytes(address)) & int.MaxValue;
}
