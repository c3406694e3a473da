using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using OrleansStream.Client.Telemetry;

namespace OrleansStream.Client.Connections;

/// <summary>
/// Sends each try of a request to a node, and goes on to the next node when one does not answer or says that it cannot serve. It notes whether a try
/// may have taken effect although it failed.
/// </summary>
/// <param name="endpoints">The nodes' base addresses, each with a slash at its end.</param>
/// <param name="log">Is told when it goes on.</param>
/// <param name="inner">Sends a request.</param>
internal sealed class EndpointHandler(IReadOnlyList<Uri> endpoints, ILogger log, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    /// <summary>Set on a request as soon as one of its tries may have taken effect without an answer that says so.</summary>
    public static readonly HttpRequestOptionsKey<bool> IsAmbiguous = new("OrleansStream.IsAmbiguous");

    /// <summary>The token by which a request's caller gives it up. A try that ends with it says nothing of the node.</summary>
    public static readonly HttpRequestOptionsKey<CancellationToken> GivenUp = new("OrleansStream.GivenUp");

    private static readonly HttpRequestOptionsKey<Uri> Path = new("OrleansStream.Path");

    private int _current = Random.Shared.Next(endpoints.Count);

    /// <summary>True when a try of a request may have taken effect without an answer that says so.</summary>
    /// <param name="request">The request.</param>
    public static bool MayHaveTakenEffect(HttpRequestMessage request) => request.Options.TryGetValue(IsAmbiguous, out var isAmbiguous) && isAmbiguous;

    /// <summary>True when a request's caller has given it up.</summary>
    /// <param name="request">The request.</param>
    public static bool IsGivenUp(HttpRequestMessage request) =>
        request.Options.TryGetValue(GivenUp, out var givenUp) && givenUp.IsCancellationRequested;

    /// <inheritdoc/>
    /// <exception cref="HttpRequestException">The node did not answer.</exception>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (!request.Options.TryGetValue(Path, out var path))
            request.Options.Set(Path, path = request.RequestUri!);
        var current = Volatile.Read(ref _current);
        request.RequestUri = new Uri(endpoints[current], path);
        try
        {
            var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (response.StatusCode is HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout)
                GoOnFrom(current, $"{(int)response.StatusCode}");
            return response;
        }
        catch (SignInException)
        {
            // Nothing was sent, and another node asks for the same token.
            throw;
        }
        catch (Exception exception)
        {
            if (!IsUnsent(exception, cancellationToken))
                request.Options.Set(IsAmbiguous, true);
            if (!IsGivenUp(request))
                GoOnFrom(current, exception.Message);
            // A connection that does not open in time ends so, too. The caller must not take it for a cancellation of its own.
            if (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested)
                throw new HttpRequestException($"{endpoints[current]} gave no answer in time: {exception.Message}", exception);
            // .NET's handler throws it as it is where the other side resets a connection as soon as it is made.
            if (exception is SocketException)
                throw new HttpRequestException($"{endpoints[current]} closed the connection: {exception.Message}", exception);
            throw;
        }
    }

    // There was no connection, so nothing was sent. .NET ends a connection that does not open in time with the second kind.
    private static bool IsUnsent(Exception exception, CancellationToken cancellationToken) => exception switch
    {
        HttpRequestException
        {
            HttpRequestError: HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError
                or HttpRequestError.ProxyTunnelError,
        } => true,
        HttpRequestException { InnerException: SocketException { SocketErrorCode: SocketError.ConnectionRefused } } => true,
        OperationCanceledException { InnerException: TimeoutException } => !cancellationToken.IsCancellationRequested,
        _ => false,
    };

    // Many requests may fail at once: together they go on by one.
    private void GoOnFrom(int failed, string reason)
    {
        var next = (failed + 1) % endpoints.Count;
        if (Interlocked.CompareExchange(ref _current, next, failed) == failed && next != failed)
            ClientLog.GoesOn(log, endpoints[failed], reason, endpoints[next]);
    }
}
