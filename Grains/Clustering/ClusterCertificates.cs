using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Connections.Security;

namespace OrleansStream.Clustering;

/// <summary>
/// Mutual TLS between the processes of a cluster: each shows its certificate, and accepts only peers with a certificate of the cluster's authorities.
/// </summary>
/// <remarks>
/// A handshake reads the files anew when the last reading is older than <see cref="ClusteringLimits.CertificateRereadPeriod"/>. So new connections
/// use a renewed certificate without a restart; connections that are open stay open. If the files cannot be used at that time, for example because
/// one is half written, the previous certificates stay in use, and a warning is logged. Host names are not compared, because silos are addressed by
/// IP address. Revocation lists are not asked. Safe for any thread.
/// </remarks>
internal sealed partial class ClusterCertificates
{
    // RFC 5280, section 4.2.1.12.
    private static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");
    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    private readonly string _certificateFile;
    private readonly string _keyFile;
    private readonly string _authoritiesFile;
    private readonly TimeProvider _time;
    private readonly ILogger<ClusterCertificates> _logger;
    private readonly Lock _gate = new();
    private Loaded _loaded;
    private long _readAt;

    /// <summary>Reads the files, which are in PEM.</summary>
    /// <param name="certificateFile">This process's certificate.</param>
    /// <param name="keyFile">Its private key.</param>
    /// <param name="authoritiesFile">The certificates of the cluster's authorities.</param>
    /// <param name="time">Tells when to read the files again.</param>
    /// <param name="logger">The log, for files that cannot be used when they are read again.</param>
    /// <exception cref="CryptographicException">A file has another content.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public ClusterCertificates(string certificateFile, string keyFile, string authoritiesFile, TimeProvider time, ILogger<ClusterCertificates> logger)
    {
        (_certificateFile, _keyFile, _authoritiesFile, _time, _logger) = (certificateFile, keyFile, authoritiesFile, time, logger);
        _readAt = time.GetTimestamp();
        _loaded = Load(certificateFile, keyFile, authoritiesFile);
    }

    /// <summary>This process's certificate, with its private key.</summary>
    public X509Certificate2 Certificate => Fresh().Certificate;

    /// <summary>Finds out why files cannot be used.</summary>
    /// <param name="certificateFile">The certificate.</param>
    /// <param name="keyFile">Its private key.</param>
    /// <param name="authoritiesFile">The authorities.</param>
    /// <returns>The reason, in one line; null when they can be used.</returns>
    public static string? FindFault(string certificateFile, string keyFile, string authoritiesFile)
    {
        try
        {
            Load(certificateFile, keyFile, authoritiesFile).Certificate.Dispose();
            return null;
        }
        catch (Exception e) when (IsFault(e))
        {
            return e.Message.ReplaceLineEndings(" ");
        }
    }

    /// <summary>Encrypts a silo's connections: those that it accepts from silos and clients, and those that it opens.</summary>
    /// <param name="connections">The silo's connections.</param>
    public void Use(SiloConnectionOptions connections)
    {
        connections.ConfigureSiloInboundConnection(connection => connection.UseServerTls(AsServer()));
        connections.ConfigureGatewayInboundConnection(connection => connection.UseServerTls(AsServer()));
        connections.ConfigureSiloOutboundConnection(connection => connection.UseClientTls(AsClient()));
    }

    /// <summary>Encrypts the connections of an Api node to silos.</summary>
    /// <param name="connections">The client's connections.</param>
    public void Use(ClientConnectionOptions connections) => connections.ConfigureConnection(connection => connection.UseClientTls(AsClient()));

    private TlsOptions AsServer() => new()
    {
        LocalServerCertificateSelector = (_, _) => Certificate,
        RemoteCertificateMode = RemoteCertificateMode.RequireCertificate,
        RemoteCertificateValidation = (peer, chain, _) => IsPeer(peer, chain, ClientAuthentication),
    };

    private TlsOptions AsClient() => new()
    {
        LocalClientCertificateSelector = (_, _, _, _, _) => Certificate,
        RemoteCertificateMode = RemoteCertificateMode.RequireCertificate,
        RemoteCertificateValidation = (peer, chain, _) => IsPeer(peer, chain, ServerAuthentication),
    };

    // Authorities that the machine trusts do not count: they issue certificates to anybody.
    private bool IsPeer(X509Certificate2 peer, X509Chain? sent, Oid usage)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(Fresh().Authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(usage);
        if (sent is not null)
            chain.ChainPolicy.ExtraStore.AddRange(sent.ChainPolicy.ExtraStore);
        if (chain.Build(peer))
            return true;
        LogRefused(_logger, peer.Subject, string.Join(' ', chain.ChainStatus.Select(status => status.StatusInformation.Trim())));
        return false;
    }

    private Loaded Fresh()
    {
        lock (_gate)
        {
            if (_time.GetElapsedTime(_readAt) < ClusteringLimits.CertificateRereadPeriod)
                return _loaded;
            _readAt = _time.GetTimestamp();
            try
            {
                // The previous certificate is not disposed: a handshake may use it.
                _loaded = Load(_certificateFile, _keyFile, _authoritiesFile);
            }
            catch (Exception e) when (IsFault(e))
            {
                LogKept(_logger, e.Message);
            }

            return _loaded;
        }
    }

    private static Loaded Load(string certificateFile, string keyFile, string authoritiesFile)
    {
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPemFile(authoritiesFile);
        if (authorities.Count == 0)
            throw new CryptographicException($"{authoritiesFile} holds no certificate.");
        using var read = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
        // A key that was read from PEM cannot be used for TLS on Windows; one that was read from PKCS #12 can.
        return new Loaded(X509CertificateLoader.LoadPkcs12(read.Export(X509ContentType.Pkcs12), password: null), authorities);
    }

    private static bool IsFault(Exception exception) =>
        exception is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException;

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The files of the cluster's TLS cannot be used, so the certificates that were read before stay in use: {Reason}")]
    private static partial void LogKept(ILogger logger, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "The peer '{Subject}' is refused, because its certificate is not one of this cluster: {Reason}")]
    private static partial void LogRefused(ILogger logger, string subject, string reason);

    private sealed record Loaded(X509Certificate2 Certificate, X509Certificate2Collection Authorities);
}
