using OrleansStream.Client.Connections;
using OrleansStream.Contracts;

namespace OrleansStream.Client.Administration;

/// <summary>Manages what a service holds. Calls that may be repeated are, when they have no answer.</summary>
public sealed class StreamAdmin
{
    private readonly AdminCalls _calls;

    internal StreamAdmin(ServiceConnection connection)
    {
        _calls = new AdminCalls(connection);
        Topics = new TopicAdmin(_calls);
        Groups = new GroupAdmin(_calls);
        Access = new AccessAdmin(_calls);
    }

    /// <summary>Topics and their partitions.</summary>
    public TopicAdmin Topics { get; }

    /// <summary>Consumer groups: members, offsets, lag, retries, dead letters.</summary>
    public GroupAdmin Groups { get; }

    /// <summary>API keys and rights.</summary>
    public AccessAdmin Access { get; }

    /// <summary>The silos of the service, and what they hold.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">It was refused, or nobody answers.</exception>
    public Task<ClusterAnswer> GetClusterAsync(CancellationToken cancellationToken = default) =>
        _calls.GetAsync("v1/cluster", ApiJsonContext.Api.ClusterAnswer, cancellationToken);

    /// <summary>Asks a node whether it is ready to serve.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamServiceException">It is not, or nobody answers; the message says why.</exception>
    public Task<HealthAnswer> GetReadinessAsync(CancellationToken cancellationToken = default) =>
        _calls.AskOnceAsync(HttpMethod.Get, "health/ready", ApiJsonContext.Api.HealthAnswer, body: null, cancellationToken);
}
