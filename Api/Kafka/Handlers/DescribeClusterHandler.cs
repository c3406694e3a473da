using Microsoft.Extensions.Options;
using Orleans.Configuration;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Tells the brokers.</summary>
/// <param name="brokers">Knows them.</param>
/// <param name="cluster">The cluster's name.</param>
internal sealed class DescribeClusterHandler(ClusterBrokers brokers, IOptions<ClusterOptions> cluster) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => DescribeClusterRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = DescribeClusterRequest.Read(call.OpenBody(), call.Version);
        var isOfBrokers = request.EndpointType == DescribeClusterRequest.Brokers;
        var told = isOfBrokers ? brokers.Tell(await brokers.GetAsync(call.Closed), call.Connection.Local) : [];
        new DescribeClusterAnswer(
            isOfBrokers ? KafkaError.None : KafkaError.InvalidRequest, request.EndpointType, cluster.Value.ClusterId, brokers.OwnId, told)
            .Write(call.Answer, call.Version);
    }
}
