using System.Net;
using OrleansStream.Errors;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>Signs callers in by the header <c>Authorization</c>: by an API key, or by a token where tokens are accepted.</summary>
/// <param name="keys">Signs in by keys.</param>
/// <param name="failures">Slows down callers that fail to sign in.</param>
/// <param name="tokens">Signs in by tokens; null when tokens are not accepted.</param>
public sealed class BearerSignIn(KeySignIn keys, FailedSignIns failures, ITokenSignIn? tokens = null)
{
    /// <summary>The scheme of the header.</summary>
    public const string Scheme = "Bearer";

    /// <summary>Signs in by a header.</summary>
    /// <param name="header">The header's text; several headers are one text, which is no credential.</param>
    /// <param name="address">The client's address; null when it is not known.</param>
    /// <param name="cancellationToken">Cancels the sign-in.</param>
    /// <exception cref="StreamException">
    /// <see cref="StreamErrorCode.SaslAuthenticationFailed"/>; or <see cref="StreamErrorCode.CoordinatorNotAvailable"/> when nobody can tell just
    /// now.
    /// </exception>
    public async ValueTask<Principal> SignInAsync(string header, IPAddress? address, CancellationToken cancellationToken)
    {
        if (header.StartsWith(Scheme + " ", StringComparison.OrdinalIgnoreCase))
        {
            var token = header[(Scheme.Length + 1)..].Trim();
            if (token.StartsWith(ApiKeySecret.Prefix, StringComparison.Ordinal))
                return await keys.SignInAsync(token, address, cancellationToken);
            if (tokens is not null)
                return await tokens.SignInAsync(token, address, cancellationToken);
        }

        await failures.NoteAsync(address, cancellationToken);
        throw new StreamException(new StreamError(
            StreamErrorCode.SaslAuthenticationFailed,
            tokens is null ? "The header 'Authorization' must be 'Bearer os_…', with an API key."
                : "The header 'Authorization' must be 'Bearer …', with an API key or a token.")
        {
            Field = "Authorization",
        });
    }
}
