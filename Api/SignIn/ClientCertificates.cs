using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Options;
using OrleansStream.Gateway.Security;

namespace OrleansStream.Api.Hosting.SignIn;

/// <summary>
/// Accepts client certificates of the authorities in the settings. A client without a certificate can sign in otherwise; a certificate of another
/// authority fails the handshake.
/// </summary>
internal static class ClientCertificates
{
    // RFC 5280, section 4.2.1.12.
    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    /// <summary>Asks clients for certificates on every TLS listener.</summary>
    /// <param name="kestrel">The server.</param>
    /// <exception cref="OptionsValidationException">The authorities' file cannot be read.</exception>
    public static void Ask(KestrelServerOptions kestrel)
    {
        var options = kestrel.ApplicationServices.GetRequiredService<IOptions<SecurityOptions>>().Value.ClientCertificates;
        if (!options.IsSet)
            return;
        var authorities = Read(options.AuthoritiesFile!);
        kestrel.ConfigureHttpsDefaults(https =>
        {
            https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
            https.ClientCertificateValidation = (certificate, chain, _) => IsOf(authorities, certificate, chain);
        });
    }

    private static X509Certificate2Collection Read(string file)
    {
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw Wrong(e.Message);
        }

        return authorities.Count > 0 ? authorities : throw Wrong("it holds no certificate.");

        OptionsValidationException Wrong(string reason) => new(
            SecurityOptions.SectionName, typeof(SecurityOptions),
            [$"{SecurityOptions.SectionName}:ClientCertificates:AuthoritiesFile is '{file}', and cannot be used: {reason.ReplaceLineEndings(" ")}"]);
    }

    // The machine's own trusted authorities do not count, because they issue certificates to anybody.
    private static bool IsOf(X509Certificate2Collection authorities, X509Certificate2 certificate, X509Chain? sent)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(ClientAuthentication);
        if (sent is not null)
            chain.ChainPolicy.ExtraStore.AddRange(sent.ChainPolicy.ExtraStore);
        return chain.Build(certificate);
    }
}
