using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace OrleansStream.Tests.Support;

/// <summary>An authority that a test makes, and the certificates that it issues.</summary>
internal sealed class TestAuthority : IDisposable
{
    /// <summary>The usages of a certificate (RFC 5280, section 4.2.1.12).</summary>
    public const string ForServers = "1.3.6.1.5.5.7.3.1";

    /// <inheritdoc cref="ForServers"/>
    public const string ForClients = "1.3.6.1.5.5.7.3.2";

    public TestAuthority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(
            new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        var now = TimeProvider.System.GetUtcNow();
        Certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
    }

    /// <summary>The authority's own certificate.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>Issues a certificate with a new key; a server's is for this machine's own names.</summary>
    public X509Certificate2 Issue(string subject, params string[] usages)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. usages.Select(usage => new Oid(usage))], critical: false));
        if (usages.Contains(ForServers))
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName("localhost");
            names.AddIpAddress(System.Net.IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
        }

        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.Create(Certificate, now.AddHours(-1), now.AddDays(1), RandomNumberGenerator.GetBytes(8));
        return certificate.CopyWithPrivateKey(key);
    }

    /// <summary>Issues a certificate and writes it, its key and the authority's certificate in PEM.</summary>
    public void Write(string certificateFile, string keyFile, string authoritiesFile, string subject, params string[] usages)
    {
        using var certificate = Issue(subject, usages);
        File.WriteAllText(authoritiesFile, Certificate.ExportCertificatePem());
        File.WriteAllText(keyFile, certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(certificateFile, certificate.ExportCertificatePem());
    }

    public void Dispose() => Certificate.Dispose();
}
