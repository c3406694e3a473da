using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Options;

namespace OrleansStream.Gateway.Security;

/// <summary>The authorities whose clients' certificates every door takes. Safe for any thread.</summary>
public sealed class ClientAuthorities
{
    // RFC 5280, section 4.2.1.12.
    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    private readonly X509Certificate2Collection _authorities;

    private ClientAuthorities(X509Certificate2Collection authorities) => _authorities = authorities;

    /// <summary>Reads the authorities that the settings name.</summary>
    /// <param name="security">The settings.</param>
    /// <returns>Null where they name none.</returns>
    /// <exception cref="OptionsValidationException">The file cannot be read, or has no certificate.</exception>
    public static ClientAuthorities? Read(SecurityOptions security)
    {
        ArgumentNullException.ThrowIfNull(security);
        if (!security.ClientCertificates.IsSet)
            return null;
        var file = security.ClientCertificates.AuthoritiesFile!;
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw Wrong(file, e.Message);
        }

        return authorities.Count > 0 ? new ClientAuthorities(authorities) : throw Wrong(file, "it holds no certificate.");
    }

    /// <summary>
    /// Checks a client's certificate, by these authorities alone: those that the machine trusts issue certificates to anybody. Whether it was
    /// revoked is not asked.
    /// </summary>
    /// <param name="certificate">The certificate.</param>
    /// <param name="sent">The chain that the client sent; null for none.</param>
    public bool Accept(X509Certificate2 certificate, X509Chain? sent)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(ClientAuthentication);
        if (sent is not null)
            chain.ChainPolicy.ExtraStore.AddRange(sent.ChainPolicy.ExtraStore);
        return chain.Build(certificate);
    }

    private static OptionsValidationException Wrong(string file, string reason) => new(
        SecurityOptions.SectionName, typeof(SecurityOptions),
        [$"{SecurityOptions.SectionName}:ClientCertificates:AuthoritiesFile is '{file}', and cannot be used: {reason.ReplaceLineEndings(" ")}"]);
}
