using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using OrleansStream.Errors;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>Signs callers in by API keys. Safe for any thread.</summary>
/// <param name="rules">The keys.</param>
/// <param name="options">Tells whether keys are taken, and the first one.</param>
/// <param name="failures">Slows those who try.</param>
/// <param name="time">The clock.</param>
public sealed class KeySignIn(AccessRules rules, IOptions<SecurityOptions> options, FailedSignIns failures, TimeProvider time)
{
    private readonly BootstrapKey? _bootstrap = BootstrapKey.Read(options.Value.BootstrapKey);

    /// <summary>Signs in by a whole key, as it comes in an <c>Authorization</c> header or as the password of <c>$ApiKey</c>.</summary>
    /// <param name="text">The key.</param>
    /// <param name="address">From where it comes; null when that is not known.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The principal. Its rights are asked for with each thing it does: it need not be signed in again when they change.</returns>
    /// <exception cref="StreamException">
    /// <see cref="StreamErrorCode.SaslAuthenticationFailed"/>, which does not tell what of it is wrong; or keys cannot be told just now.
    /// </exception>
    public ValueTask<Principal> SignInAsync(string text, IPAddress? address, CancellationToken cancellationToken) =>
        ApiKeySecret.TryParse(text, out var key) ? SignInAsync(key.Id, key.Secret, address, cancellationToken) : RefuseAsync(address, cancellationToken);

    /// <summary>Signs in by a key's id and secret, as SASL/PLAIN has user and password (RFC 4616).</summary>
    /// <param name="id">The id.</param>
    /// <param name="secret">The secret.</param>
    /// <param name="address">From where it comes; null when that is not known.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>As above.</returns>
    /// <exception cref="StreamException">As above.</exception>
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
        var key = Find();
        if (key is null)
        {
            // The key may be new, also one with the id of another that was revoked.
            await rules.RefreshForUnknownKeyAsync(cancellationToken);
            key = Find();
        }

        if (key is null || key.ExpiresAt is { } end && time.GetUtcNow() >= end)
            return await RefuseAsync(address, cancellationToken);
        rules.NoteUse(key);
        return new Principal(PrincipalKind.Key, key.Name) { Key = key };

        ApiKey? Find() =>
            rules.Current?.FindKey(id) is { } known && CryptographicOperations.FixedTimeEquals(known.Hash.AsSpan(), hash.AsSpan()) ? known : null;
    }

    private async ValueTask<Principal> RefuseAsync(IPAddress? address, CancellationToken cancellationToken)
    {
        await failures.NoteAsync(address, cancellationToken);
        throw new StreamException(new StreamError(
            StreamErrorCode.SaslAuthenticationFailed, "There is no such key, or it has expired or was revoked."));
    }
}
