using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Options;
using OrleansStream.Gateway.Security;

namespace OrleansStream.SignIn;

/// <summary>
/// Accepts client certificates of the authorities in the settings. A client without a certificate can sign in otherwise; a certificate of another
/// authority fails the handshake.
/// </summary>
public static class ClientCertificates
{
    /// <summary>Asks clients for certificates on every HTTP listener that has TLS.</summary>
    /// <param name="kestrel">The server.</param>
    /// <exception cref="OptionsValidationException">The authorities' file cannot be read.</exception>
    public static void Ask(KestrelServerOptions kestrel)
    {
        ArgumentNullException.ThrowIfNull(kestrel);
        if (ClientAuthorities.Read(kestrel.ApplicationServices.GetRequiredService<IOptions<SecurityOptions>>().Value) is not { } authorities)
            return;
        kestrel.ConfigureHttpsDefaults(https =>
        {
            https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
            https.ClientCertificateValidation = (certificate, chain, _) => authorities.Accept(certificate, chain);
        });
    }
}
