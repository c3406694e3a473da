using System.Collections.Concurrent;
using System.Net;
using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Calls;

/// <summary>A client's connection, as those who answer its requests see it. What they remember of it lives as long as it does.</summary>
/// <param name="id">Its id in the service's log.</param>
/// <param name="remote">The client's address; null when it is not known.</param>
/// <param name="local">The address that the client reached; null when it is not known.</param>
/// <param name="apis">The APIs that are served on it.</param>
/// <param name="closed">Cancelled when it is closed: nobody waits for an answer any more.</param>
/// <param name="stopping">Cancelled when the service stops.</param>
internal sealed class ClientConnection(
    string id, EndPoint? remote, EndPoint? local, IReadOnlyList<ApiRange> apis, CancellationToken closed, CancellationToken stopping) : IDisposable
{
    private readonly ConcurrentDictionary<Type, object> _states = new();
    private Func<ReadOnlyMemory<byte>, Task<bool>>? _takeBareMessage;

    /// <summary>Its id in the service's log.</summary>
    public string Id => id;

    /// <summary>The client's address; null when it is not known.</summary>
    public EndPoint? Remote => remote;

    /// <summary>The address that the client reached; null when it is not known.</summary>
    public EndPoint? Local => local;

    /// <summary>The APIs that are served on it, by their numbers.</summary>
    public IReadOnlyList<ApiRange> Apis => apis;

    /// <summary>Cancelled when it is closed: nobody waits for an answer any more.</summary>
    public CancellationToken Closed => closed;

    /// <summary>Cancelled when the service stops: what waits for something new is answered without it.</summary>
    public CancellationToken Stopping => stopping;

    /// <summary>Who the client is; nobody in particular until it has signed in.</summary>
    public Principal Principal { get; set; } = Principal.Anonymous;

    /// <summary>Cancelled when the client's key was revoked, or its sign-in has expired: no further request is served.</summary>
    public CancellationToken SignInEnded { get; set; }

    /// <summary>Has the next frame taken as it is, as a message without a header; its answer is an empty one.</summary>
    /// <param name="take">Takes it; false ends the connection.</param>
    public void TakeBareMessage(Func<ReadOnlyMemory<byte>, Task<bool>> take) => _takeBareMessage = take;

    /// <summary>Who takes the next frame as it is; null when it is a request. To be asked once for each frame.</summary>
    public Func<ReadOnlyMemory<byte>, Task<bool>>? NextBareMessage() => Interlocked.Exchange(ref _takeBareMessage, null);

    /// <summary>What a handler remembers of the connection. It is disposed with it.</summary>
    /// <typeparam name="T">What it is.</typeparam>
    /// <param name="make">Makes it, the first time.</param>
    public T State<T>(Func<ClientConnection, T> make)
        where T : class => (T)_states.GetOrAdd(typeof(T), static (_, given) => given.make(given.connection), (make, connection: this));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var state in _states.Values)
            (state as IDisposable)?.Dispose();
        _states.Clear();
    }
}
