using System.Net;
using OrleansStream.Errors;

namespace OrleansStream.Gateway.Security;

/// <summary>Signs callers in by tokens of OpenID Connect. The process that hosts the doors implements it.</summary>
public interface ITokenSignIn
{
    /// <summary>Signs in by a token, from an <c>Authorization</c> header or from SASL/OAUTHBEARER (RFC 7628).</summary>
    /// <param name="token">The token, a JSON Web Token (RFC 7519).</param>
    /// <param name="address">The client's address; null when it is not known.</param>
    /// <param name="cancellationToken">Cancels the sign-in.</param>
    /// <returns>The principal. Its sign-in expires with the token.</returns>
    /// <exception cref="StreamException">
    /// <see cref="StreamErrorCode.SaslAuthenticationFailed"/>; or <see cref="StreamErrorCode.CoordinatorNotAvailable"/> when the issuer's keys
    /// cannot be read.
    /// </exception>
    ValueTask<Principal> SignInAsync(string token, IPAddress? address, CancellationToken cancellationToken);
}
