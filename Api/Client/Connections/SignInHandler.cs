using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using Azure.Core;

namespace OrleansStream.Client.Connections;

/// <summary>Puts who calls on each request: an API key, or a token that is taken anew before it ends.</summary>
/// <remarks>
/// A credential that has given a token is never taken to be wrong: its calls are repeated. One that has given none is, at its first failure that is
/// no <see cref="TokenTrouble"/>. A token serves until it ends: a credential that fails or hangs as it is to give the next one delays no request for
/// longer than <see cref="ConnectionLimits.TokenWaitMax"/>.
/// </remarks>
/// <param name="settings">The key, or the credential.</param>
/// <param name="inner">Sends a request.</param>
internal sealed class SignInHandler(ConnectionSettings settings, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    private readonly SemaphoreSlim _taking = new(1, 1);
    private StrongBox<AccessToken>? _token;
    private DateTimeOffset _asksAgainAt;

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (settings.ClientId is { } client && !request.Headers.Contains("Client-Id"))
            request.Headers.Add("Client-Id", client);
        var secret = settings.Credential is null ? settings.ApiKey : await TokenOfTryAsync(request, cancellationToken).ConfigureAwait(false);
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

    // A try whose time ends while it waits for a token has sent nothing, and nobody must take it for one without an answer.
    private async ValueTask<string> TokenOfTryAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return await TokenAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException exception) when (!EndpointHandler.IsGivenUp(request))
        {
            throw new SignInException("The credential gave no token in time.", exception) { IsTransient = true };
        }
    }

    private async ValueTask<string> TokenAsync(CancellationToken cancellationToken)
    {
        if (Lasting(ConnectionLimits.TokenSlack) is { } fresh)
            return fresh;
        var isFree = await _taking.WaitAsync(TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
        if (!isFree)
        {
            if (Lasting(TimeSpan.Zero) is { } old)
                return old;
            await _taking.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        try
        {
            return await TakeAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _taking.Release();
        }
    }

    private async ValueTask<string> TakeAsync(CancellationToken cancellationToken)
    {
        if (Lasting(ConnectionLimits.TokenSlack) is { } fresh)
            return fresh;
        var old = Lasting(TimeSpan.Zero);
        if (old is not null && settings.Time.GetUtcNow() < _asksAgainAt)
            return old;
        // Also when the request's own time ends first, and when a token is given that soon ends.
        _asksAgainAt = settings.Time.GetUtcNow() + ConnectionLimits.TokenPause;
        using var late = new CancellationTokenSource(old is null ? Timeout.InfiniteTimeSpan : WaitMax, settings.Time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            var token = await AskAsync(ended.Token, cancellationToken).ConfigureAwait(false);
            Volatile.Write(ref _token, new StrongBox<AccessToken>(token));
            return token.Token;
        }
        catch (SignInException) when (Lasting(TimeSpan.Zero) is { } still)
        {
            return still;
        }
    }

    // A credential may fail in any way, and each means the same: there is no token.
    private async ValueTask<AccessToken> AskAsync(CancellationToken ended, CancellationToken cancellationToken)
    {
        try
        {
            var asked = settings.Credential!.GetTokenAsync(new TokenRequestContext([settings.Scope!]), ended);
            // A credential need not heed its token.
            return await asked.AsTask().WaitAsync(ended).ConfigureAwait(false);
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

    // The rest of the try is for the request, which goes by the old token then.
    private TimeSpan WaitMax => settings.TryMax / 2 is var half && half < ConnectionLimits.TokenWaitMax ? half : ConnectionLimits.TokenWaitMax;

    private string? Lasting(TimeSpan longer)
    {
        var endsAfter = settings.Time.GetUtcNow() + longer;
        return Volatile.Read(ref _token) is { Value: var token } && token.ExpiresOn > endsAfter ? token.Token : null;
    }
}
