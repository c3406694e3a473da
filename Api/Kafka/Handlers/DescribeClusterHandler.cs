using Microsoft.Extensions.Options;
using Orleans.Configuration;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Tells the brokers.</summary>
/// <param name="broker">This broker.</param>
/// <param name="cluster">The cluster's name.</param>
internal sealed class DescribeClusterHandler(LocalBroker broker, IOptions<ClusterOptions> cluster) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => DescribeClusterRequest.Api;

    /// <inheritdoc/>
    public Task HandleAsync(KafkaCall call)
    {
        var request = DescribeClusterRequest.Read(call.OpenBody(), call.Version);
        var isOfBrokers = request.EndpointType == DescribeClusterRequest.Brokers;
        MetadataBroker[] brokers = isOfBrokers ? [new(broker.NodeId, broker.HostFor(call.Connection.Local), broker.Port)] : [];
        new DescribeClusterAnswer(
            isOfBrokers ? KafkaError.None : KafkaError.InvalidRequest, request.EndpointType, cluster.Value.ClusterId, broker.NodeId, brokers).Write(call.Answer, call.Version);
        return Task.CompletedTask;
    }
}
