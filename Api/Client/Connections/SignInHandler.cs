using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Azure;
using Azure.Core;

namespace OrleansStream.Client.Connections;

/// <summary>Puts who calls on each request: an API key, or a token that is taken anew before it ends.</summary>
/// <param name="settings">The key, or the credential.</param>
/// <param name="inner">Sends a request.</param>
internal sealed class SignInHandler(ConnectionSettings settings, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    private readonly SemaphoreSlim _taking = new(1, 1);
    private StrongBox<AccessToken>? _token;

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (settings.ClientId is { } client && !request.Headers.Contains("Client-Id"))
            request.Headers.Add("Client-Id", client);
        var secret = settings.Credential is null ? settings.ApiKey : await TokenAsync(cancellationToken).ConfigureAwait(false);
        if (secret is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", secret);
        return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _taking.Dispose();
        base.Dispose(disposing);
    }

    private async ValueTask<string> TokenAsync(CancellationToken cancellationToken)
    {
        if (Fresh() is { } known)
            return known;
        await _taking.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (Fresh() is { } taken)
                return taken;
            var token = await AskAsync(cancellationToken).ConfigureAwait(false);
            Volatile.Write(ref _token, new StrongBox<AccessToken>(token));
            return token.Token;
        }
        finally
        {
            _taking.Release();
        }
    }

    // A credential may fail in any way, and each means the same: there is no token.
    private async ValueTask<AccessToken> AskAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await settings.Credential!.GetTokenAsync(new TokenRequestContext([settings.Scope!]), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            throw new SignInException($"The credential gave no token: {exception.Message}", exception)
            {
                IsTransient = WorkedLately() || IsTrouble(exception),
            };
        }
    }

    // A credential that worked until now is right: who gives the tokens is in trouble. Without this, a consumer that has run for months would end
    // with the first outage of its identity provider.
    private bool WorkedLately() => Volatile.Read(ref _token) is { Value: var token }
        && settings.Time.GetUtcNow() < token.ExpiresOn + ConnectionLimits.SignInPatience;

    // The causes of a credential's failure that say that nobody has judged it.
    private static bool IsTrouble(Exception exception)
    {
        for (var cause = exception; cause is not null; cause = cause.InnerException)
        {
            var isTrouble = cause switch
            {
                RequestFailedException { Status: var status } => status is 0 or 408 or 429 or >= 500,
                HttpRequestException { StatusCode: var status } =>
                    status is null or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError,
                _ => cause is SocketException or IOException or TimeoutException or OperationCanceledException,
            };
            if (isTrouble)
                return true;
        }

        return false;
    }

    private string? Fresh()
    {
        var endsAfter = settings.Time.GetUtcNow() + ConnectionLimits.TokenSlack;
        return Volatile.Read(ref _token) is { Value: var token } && token.ExpiresOn > endsAfter ? token.Token : null;
    }
}
