using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OrleansStream.Kafka.Brokers;

namespace OrleansStream.Kafka.Connections;

/// <summary>
/// The endpoint's certificate, from its files. A handshake that finds other files than before reads them; connections that are open keep theirs.
/// Files that cannot be read, such as a certificate whose new key is not there yet, change nothing but the log. Safe for any thread.
/// </summary>
internal sealed partial class ServerCertificate
{
    private readonly CertificateOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private SslStreamCertificateContext _current;
    private (DateTime Certificate, DateTime Key) _written;
    private long _lookedAt;

    /// <summary>Reads it.</summary>
    /// <param name="options">The files.</param>
    /// <param name="time">Tells when to look at the files again.</param>
    /// <param name="logger">Told when it is read anew, or cannot be.</param>
    /// <exception cref="OptionsValidationException">It cannot be read.</exception>
    public ServerCertificate(CertificateOptions options, TimeProvider time, ILogger logger)
    {
        (_options, _time, _logger) = (options, time, logger);
        _written = LookWhenWritten();
        _lookedAt = time.GetTimestamp();
        try
        {
            _current = Read();
        }
        catch (Exception e) when (IsUnreadable(e))
        {
            const string key = $"{KafkaOptions.SectionName}:Certificate";
            throw new OptionsValidationException(
                key, typeof(KafkaOptions), [$"{key}:Path is '{options.Path}', and cannot be used with its key: {e.Message.ReplaceLineEndings(" ")}"]);
        }
    }

    /// <summary>The certificate, with those between it and its authority.</summary>
    public SslStreamCertificateContext Current
    {
        get
        {
            lock (_gate)
            {
                if (_time.GetElapsedTime(_lookedAt) >= ConnectionLimits.CertificateLookPause)
                    Look();
                return _current;
            }
        }
    }

    private void Look()
    {
        _lookedAt = _time.GetTimestamp();
        var written = LookWhenWritten();
        if (written == _written)
            return;
        try
        {
            _current = Read();
            _written = written;
            var (shown, end) = (_current.TargetCertificate, _current.TargetCertificate.NotAfter.ToUniversalTime());
            LogRead(_logger, shown.Subject, end);
        }
        catch (Exception e) when (IsUnreadable(e))
        {
            LogUnreadable(_logger, _options.Path!, e.Message);
        }
    }

    private (DateTime Certificate, DateTime Key) LookWhenWritten() =>
        (File.GetLastWriteTimeUtc(_options.Path!), _options.KeyPath is { } key ? File.GetLastWriteTimeUtc(key) : default);

    private SslStreamCertificateContext Read()
    {
        var path = _options.Path!;
        if (X509Certificate2.GetCertContentType(path) == X509ContentType.Pkcs12)
        {
            var all = X509CertificateLoader.LoadPkcs12CollectionFromFile(path, _options.Password);
            var own = all.FirstOrDefault(one => one.HasPrivateKey) ?? throw new CryptographicException("The file holds no private key.");
            return SslStreamCertificateContext.Create(own, all, offline: true);
        }

        using var read = _options.Password is { } password
            ? X509Certificate2.CreateFromEncryptedPemFile(path, password, _options.KeyPath)
            : X509Certificate2.CreateFromPemFile(path, _options.KeyPath);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(path);
        // In this form the key is usable on Windows, too, whose TLS takes none that lives in memory alone.
        var certificate = X509CertificateLoader.LoadPkcs12(read.Export(X509ContentType.Pkcs12), password: null);
        return SslStreamCertificateContext.Create(certificate, chain, offline: true);
    }

    private static bool IsUnreadable(Exception exception) =>
        exception is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException;

    [LoggerMessage(Level = LogLevel.Information, Message = "Kafka clients are shown another certificate: {Subject}, until {End:u}")]
    private static partial void LogRead(ILogger logger, string subject, DateTime end);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "The certificate {Path} has changed and cannot be read; Kafka clients are shown the one before: {Reason}")]
    private static partial void LogUnreadable(ILogger logger, string path, string reason);
}
