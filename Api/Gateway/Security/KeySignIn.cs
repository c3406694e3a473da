using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using OrleansStream.Errors;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>Signs callers in by API keys. Safe for any thread.</summary>
/// <param name="rules">The keys and rights.</param>
/// <param name="options">Whether API keys are accepted, and the bootstrap key.</param>
/// <param name="failures">Delays repeated failures.</param>
/// <param name="time">Tells whether a key has expired.</param>
public sealed class KeySignIn(AccessRules rules, IOptions<SecurityOptions> options, FailedSignIns failures, TimeProvider time)
{
    private readonly BootstrapKey? _bootstrap = BootstrapKey.Read(options.Value.BootstrapKey);

    /// <summary>Signs in by a complete key, from an <c>Authorization</c> header or from the password of the SASL user <c>$ApiKey</c>.</summary>
    /// <param name="text">The key.</param>
    /// <param name="address">The client's address; null when it is not known.</param>
    /// <param name="cancellationToken">Cancels the sign-in.</param>
    /// <returns>The principal. Each operation checks its rights anew, so it need not sign in again when they change.</returns>
    /// <exception cref="StreamException">
    /// <see cref="StreamErrorCode.SaslAuthenticationFailed"/>, which does not say what is wrong with the key; or the keys are not known.
    /// </exception>
    public ValueTask<Principal> SignInAsync(string text, IPAddress? address, CancellationToken cancellationToken) =>
        ApiKeySecret.TryParse(text, out var key) ? SignInAsync(key.Id, key.Secret, address, cancellationToken)
            : RefuseAsync(address, cancellationToken);

    /// <summary>Signs in by a key's id and secret, the user and password of SASL/PLAIN (RFC 4616).</summary>
    /// <param name="id">The id.</param>
    /// <param name="secret">The secret.</param>
    /// <param name="address">The client's address; null when it is not known.</param>
    /// <param name="cancellationToken">Cancels the sign-in.</param>
    /// <returns>The principal, as for a complete key.</returns>
    /// <exception cref="StreamException">As for a complete key.</exception>
    public async ValueTask<Principal> SignInAsync(string id, string secret, IPAddress? address, CancellationToken cancellationToken)
    {
        if (!options.Value.TakesKeys)
            return await RefuseAsync(address, cancellationToken);
        var hash = ApiKeySecret.HashOf(secret);
        if (id == BootstrapKey.Id)
        {
            if (_bootstrap is null || !_bootstrap.IsOf(hash))
                return await RefuseAsync(address, cancellationToken);
            await rules.EnsureAsync(cancellationToken);
            return new Principal(PrincipalKind.Key, BootstrapKey.Id) { Roles = [AccessRole.Admin] };
        }

        await rules.EnsureAsync(cancellationToken);
        var principal = Find();
        if (principal is null)
        {
            // The key may be new, also one with the id of another that was revoked.
            await rules.RefreshForUnknownKeyAsync(cancellationToken);
            principal = Find();
        }

        if (principal?.Key is not { } key || key.ExpiresAt is { } end && time.GetUtcNow() >= end)
            return await RefuseAsync(address, cancellationToken);
        rules.NoteUse(key);
        return principal;

        Principal? Find() => rules.Current is { } current && current.FindKey(id) is { } known
            && CryptographicOperations.FixedTimeEquals(known.Hash.AsSpan(), hash.AsSpan())
            ? current.PrincipalOf(known)
            : null;
    }

    private async ValueTask<Principal> RefuseAsync(IPAddress? address, CancellationToken cancellationToken)
    {
        await failures.NoteAsync(address, cancellationToken);
        throw new StreamException(new StreamError(
            StreamErrorCode.SaslAuthenticationFailed, "There is no such key, or it has expired or was revoked."));
    }
}
