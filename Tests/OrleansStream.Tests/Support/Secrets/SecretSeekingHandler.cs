using System.Net.Sockets;

namespace OrleansStream.Tests.Support.Secrets;

/// <summary>
/// Has the problems that a client receives looked at. Where a connection is reset as soon as it is made, it tells an <see cref="HttpRequestException"/>.
/// </summary>
/// <param name="inner">Sends the requests.</param>
/// <param name="finder">Looks at the problems; null for that of the run.</param>
internal sealed class SecretSeekingHandler(HttpMessageHandler inner, SecretFinder? finder = null) : DelegatingHandler(inner)
{
    /// <summary>The kind of text.</summary>
    public const string Kind = "problem";

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await SendOnceAsync(request, cancellationToken);
        // Only what is whole when its head is there: a body that breaks off is the test's to read.
        if (response.Content.Headers is { ContentType.MediaType: "application/problem+json", ContentLength: not null })
        {
            await response.Content.LoadIntoBufferAsync(cancellationToken);
            (finder ?? SecretWatch.Run).See(Kind, $"{response.Headers} {await response.Content.ReadAsStringAsync(cancellationToken)}");
        }

        return response;
    }

    private async Task<HttpResponseMessage> SendOnceAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return await base.SendAsync(request, cancellationToken);
        }
        catch (SocketException exception)
        {
            // .NET's handler throws it as it is, unlike all other failures of a connection.
            throw new HttpRequestException(exception.Message, exception);
        }
    }
}
