using OrleansStream.Cluster;
using OrleansStream.Errors;

namespace OrleansStream.Gateway.Cluster;

/// <summary>Asks silos where their Kafka clients connect. That is no secret: every client is told it before it signs in, as Kafka's own brokers do.</summary>
/// <param name="grains">The way to the silos.</param>
/// <param name="time">The clock.</param>
public sealed class SiloBrokers(IGrainFactory grains, TimeProvider time)
{
    /// <summary>Asks a silo.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="waitMax">When it is given up.</param>
    /// <returns>
    /// The address of the silo's broker; null when the silo serves no Kafka clients, or did not answer: it may be starting, be of an earlier version, or have gone.
    /// </returns>
    public async Task<BrokerAddress?> FindAsync(SiloAddress silo, TimeSpan waitMax)
    {
        try
        {
            return await grains.GetGrain<ISiloGrain>(silo.ToParsableString()).FindBrokerAsync().AsTask().WaitAsync(waitMax, time);
        }
        catch (Exception exception) when (exception is OrleansException or TimeoutException or StreamException)
        {
            return null;
        }
    }
}
