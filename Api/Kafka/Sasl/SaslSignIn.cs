using System.Net;
using System.Text;
using Microsoft.Extensions.Options;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;

namespace OrleansStream.Kafka.Sasl;

/// <summary>Signs clients in by the SASL mechanisms that the settings allow. Safe for any thread.</summary>
/// <param name="keys">Signs in by API keys.</param>
/// <param name="options">The allowed ways to sign in.</param>
/// <param name="tokens">Signs in by tokens; null when tokens are not accepted.</param>
internal sealed class SaslSignIn(KeySignIn keys, IOptions<SecurityOptions> options, ITokenSignIn? tokens = null)
{
    /// <summary>User and password (RFC 4616): an API key's id and its secret, or <see cref="WholeKeyUser"/> and the complete key.</summary>
    public const string Plain = "PLAIN";

    /// <summary>A token of OpenID Connect (RFC 7628, KIP-255).</summary>
    public const string OAuthBearer = "OAUTHBEARER";

    /// <summary>The user name whose password is a complete key.</summary>
    public const string WholeKeyUser = "$ApiKey";

    private const char Separator = '\u0001', Nul = '\0';
    private const string AuthorizationStart = "auth=Bearer ";

    /// <summary>The mechanisms that are allowed.</summary>
    public IReadOnlyList<string> Mechanisms { get; } =
    [
        .. options.Value.TakesKeys ? new[] { Plain } : [],
        .. options.Value.OpenIdConnect.IsSet && tokens is not null ? new[] { OAuthBearer } : [],
    ];

    /// <summary>Signs in by the message of a mechanism.</summary>
    /// <param name="mechanism">One of <see cref="Mechanisms"/>.</param>
    /// <param name="message">The message.</param>
    /// <param name="address">The client's address; null when it is not known.</param>
    /// <param name="cancellationToken">Cancels the sign-in.</param>
    /// <exception cref="StreamException">
    /// <see cref="StreamErrorCode.SaslAuthenticationFailed"/>, which has no secret in it; or the keys are not known.
    /// </exception>
    public ValueTask<Principal> SignInAsync(string mechanism, ReadOnlyMemory<byte> message, IPAddress? address, CancellationToken cancellationToken)
    {
        var text = Encoding.UTF8.GetString(message.Span);
        return mechanism == Plain ? SignInPlainAsync(text, address, cancellationToken) : SignInByTokenAsync(text, address, cancellationToken);
    }

    private ValueTask<Principal> SignInPlainAsync(string message, IPAddress? address, CancellationToken cancellationToken) =>
        message.Split(Nul) switch
    {
        [var asked, var user, var password] when asked.Length == 0 || asked == user => user == WholeKeyUser
            ? keys.SignInAsync(password, address, cancellationToken)
            : keys.SignInAsync(user, password, address, cancellationToken),
        _ => throw Malformed("it must be an API key's id and its secret as user and password"),
    };

    private ValueTask<Principal> SignInByTokenAsync(string message, IPAddress? address, CancellationToken cancellationToken)
    {
        // RFC 7628: a GS2 header, then key=value fields, each ended by a separator.
        var fields = message.Split(Separator);
        var authorization = Array.Find(fields, field => field.StartsWith(AuthorizationStart, StringComparison.OrdinalIgnoreCase))
            ?? throw Malformed("it must hold a token as RFC 7628 says");
        return tokens!.SignInAsync(authorization[AuthorizationStart.Length..].Trim(), address, cancellationToken);
    }

    private static StreamException Malformed(string what) => new(new StreamError(
        StreamErrorCode.SaslAuthenticationFailed, $"The message of the mechanism is malformed: {what}."));
}
