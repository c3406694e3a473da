using System.Net;
using OrleansStream.Errors;

namespace OrleansStream.Gateway.Security;

/// <summary>Signs callers in by tokens of OpenID Connect, or by client certificates. The process that hosts the doors has it.</summary>
public interface ITokenSignIn
{
    /// <summary>Signs in by a token, as it comes in an <c>Authorization</c> header or by SASL/OAUTHBEARER (RFC 7628).</summary>
    /// <param name="token">The token, a JSON Web Token (RFC 7519).</param>
    /// <param name="address">From where it comes; null when that is not known.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The principal, which ends with the token.</returns>
    /// <exception cref="StreamException">
    /// <see cref="StreamErrorCode.SaslAuthenticationFailed"/>; or <see cref="StreamErrorCode.CoordinatorNotAvailable"/> when the issuer's keys cannot be had.
    /// </exception>
    ValueTask<Principal> SignInAsync(string token, IPAddress? address, CancellationToken cancellationToken);
}
