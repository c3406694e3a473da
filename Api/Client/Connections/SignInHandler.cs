using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using Azure.Core;

namespace OrleansStream.Client.Connections;

/// <summary>Puts who calls on each request: an API key, or a token that is taken anew before it ends.</summary>
/// <remarks>
/// A credential that has given a token is never taken to be wrong: its calls are repeated. One that has given none is, at its first failure that is
/// no <see cref="TokenTrouble"/>.
/// </remarks>
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
                // A credential that ever worked is right: who gives the tokens is in trouble, for however long. Without this, a consumer that has
                // run for months would end with an outage of its identity provider.
                IsTransient = Volatile.Read(ref _token) is not null || TokenTrouble.IsIn(exception),
            };
        }
    }

    private string? Fresh()
    {
        var endsAfter = settings.Time.GetUtcNow() + ConnectionLimits.TokenSlack;
        return Volatile.Read(ref _token) is { Value: var token } && token.ExpiresOn > endsAfter ? token.Token : null;
    }
}
