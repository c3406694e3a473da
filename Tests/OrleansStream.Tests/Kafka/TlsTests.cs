using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Connections;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using ErrorCode = Confluent.Kafka.ErrorCode;

namespace OrleansStream.Tests.Kafka;

/// <summary>The endpoint speaks TLS where it has a certificate, takes it anew when its files change, and knows clients by theirs.</summary>
public sealed class TlsTests : IAsyncLifetime
{
    private static readonly string BootstrapKey = "os_bootstrap_" + new string('a', 64);

    private readonly ScratchFolder _folder = new();
    private readonly TestAuthority _authority = new("Authority");
    private readonly ApiFixture _api;

    public TlsTests()
    {
        WriteServer("CN=first");
        _api = new ApiFixture(TimeProvider.System, services => services
            .Configure<KafkaOptions>(kafka =>
            {
                (kafka.Enabled, kafka.Listen) = (true, KafkaFixture.AnyPort);
                (kafka.Certificate.Path, kafka.Certificate.KeyPath) = (_folder.PathOf("server.pem"), _folder.PathOf("server.key"));
            })
            .Configure<SecurityOptions>(security =>
            {
                security.BootstrapKey = BootstrapKey;
                security.ClientCertificates.AuthoritiesFile = _folder.PathOf("authorities.pem");
            }));
    }

    private string Bootstrap => _api.Part<LocalBroker>().Bound!.ToString();

    public async ValueTask InitializeAsync()
    {
        await _api.InitializeAsync();
        _api.Client.DefaultRequestHeaders.Authorization = new("Bearer", BootstrapKey);
    }

    public async ValueTask DisposeAsync()
    {
        await _api.DisposeAsync();
        _authority.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Client_ThatSignsInByTls_ProducesAndReads()
    {
        var topic = await _api.CreateTopicAsync();
        var config = ByKey(_folder.PathOf("authorities.pem"));

        Assert.Null(await ErrorOfAsync(config, topic));
        using var consumer = new ConsumerBuilder<Ignore, string>(new ConsumerConfig(config) { GroupId = "none" }).Build();
        consumer.Assign(new TopicPartitionOffset(topic, 0, Offset.Beginning));
        Assert.Equal("a", (await Task.Run(() => consumer.Consume(TimeSpan.FromSeconds(20)))).Message.Value);
    }

    [Fact]
    public async Task Client_ThatDoesNotTrustTheAuthority_SendsNothing()
    {
        var topic = await _api.CreateTopicAsync();
        using var other = new TestAuthority("Authority");
        File.WriteAllText(_folder.PathOf("other.pem"), other.Certificate.ExportCertificatePem());

        Assert.Equal(ErrorCode.Local_MsgTimedOut, await ErrorOfAsync(ByKey(_folder.PathOf("other.pem")), topic, timeoutMs: 2_000));
    }

    /// <summary>A client without TLS would connect anew all the time, if it were closed at once.</summary>
    [Fact]
    public async Task Client_WithoutTls_IsHeld()
    {
        var topic = await _api.CreateTopicAsync();
        await using var proxy = new FrameProxy(_api.Part<LocalBroker>().Port);

        var config = new ClientConfig { BootstrapServers = proxy.Bootstrap, ReconnectBackoffMs = 10, ReconnectBackoffMaxMs = 10 };
        Assert.NotNull(await ErrorOfAsync(config, topic, timeoutMs: 2_000));
        Assert.InRange(proxy.Connections.Count, 1, 3);
    }

    [Fact]
    public async Task Client_WithACertificate_IsItsSubject()
    {
        var topic = await _api.CreateTopicAsync();
        using var right = await _api.Client.PutAsync(
            "/v1/access/rights",
            ApiFixture.Json($$"""{"principal":"certificate:CN=producer","resource":"topic","name":"{{topic}}","role":"Data Sender"}"""));
        right.EnsureSuccessStatusCode();
        using var foreign = new TestAuthority("Authority");

        Assert.Null(await ErrorOfAsync(ByCertificate(_authority, "CN=producer"), topic));
        Assert.Equal(ErrorCode.TopicAuthorizationFailed, await ErrorOfAsync(ByCertificate(_authority, "CN=other"), topic));
        // One of an authority of the same name that is another.
        Assert.True(await IsAnsweredAsync(_authority));
        Assert.False(await IsAnsweredAsync(foreign));
    }

    [Fact]
    public async Task Certificate_WhenItsFilesChange_IsShownToNewConnections()
    {
        var topic = await _api.CreateTopicAsync();
        using var producer = new ProducerBuilder<Null, string>(new ProducerConfig(ByKey(_folder.PathOf("authorities.pem")))).Build();
        await producer.ProduceAsync(topic, new Message<Null, string> { Value = "a" });
        Assert.Equal("CN=first", await SubjectAsync());

        WriteServer("CN=second");

        await Wait.UntilAsync("the new certificate is shown", async () => await SubjectAsync() == "CN=second");
        // The open connection of the producer stays usable.
        await producer.ProduceAsync(topic, new Message<Null, string> { Value = "b" });
        Assert.Null(await ErrorOfAsync(ByKey(_folder.PathOf("authorities.pem")), topic));
    }

    [Fact]
    public void ServerCertificate_WhenItsNewFilesCannotBeRead_StaysAsItIsUntilTheyCan()
    {
        var time = new FakeTimeProvider();
        var (file, key) = (_folder.PathOf("server.pem"), _folder.PathOf("server.key"));
        var certificate = new ServerCertificate(new CertificateOptions { Path = file, KeyPath = key }, time, NullLogger.Instance);
        using (var second = _authority.Issue("CN=second", TestAuthority.ForServers))
            File.WriteAllText(file, second.ExportCertificatePem());

        time.Advance(ConnectionLimits.CertificateLookPause);
        Assert.Equal("CN=first", certificate.Current.TargetCertificate.Subject);

        WriteServer("CN=third");
        Assert.Equal("CN=first", certificate.Current.TargetCertificate.Subject);
        time.Advance(ConnectionLimits.CertificateLookPause);
        Assert.Equal("CN=third", certificate.Current.TargetCertificate.Subject);
    }

    [Fact]
    public void ServerCertificate_OfAFileInPkcs12_IsRead()
    {
        using var issued = _authority.Issue("CN=packed", TestAuthority.ForServers);
        File.WriteAllBytes(_folder.PathOf("server.pfx"), issued.Export(X509ContentType.Pkcs12, "secret"));

        var options = new CertificateOptions { Path = _folder.PathOf("server.pfx"), Password = "secret" };
        var certificate = new ServerCertificate(options, TimeProvider.System, NullLogger.Instance);

        Assert.Equal("CN=packed", certificate.Current.TargetCertificate.Subject);
        var refused = Assert.Throws<OptionsValidationException>(() => new ServerCertificate(
            new CertificateOptions { Path = _folder.PathOf("server.pfx"), Password = "another" }, TimeProvider.System, NullLogger.Instance));
        Assert.Contains("OrleansStream:Kafka:Certificate:Path", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("another", refused.Message, StringComparison.Ordinal);
    }

    private void WriteServer(string subject) => _authority.Write(
        _folder.PathOf("server.pem"), _folder.PathOf("server.key"), _folder.PathOf("authorities.pem"), subject, TestAuthority.ForServers);

    private ClientConfig ByKey(string authorities) => new()
    {
        BootstrapServers = Bootstrap, SecurityProtocol = SecurityProtocol.SaslSsl, SslCaLocation = authorities,
        SaslMechanism = SaslMechanism.Plain, SaslUsername = "$ApiKey", SaslPassword = BootstrapKey,
    };

    private ClientConfig ByCertificate(TestAuthority authority, string subject)
    {
        using var certificate = authority.Issue(subject, TestAuthority.ForClients);
        return new ClientConfig
        {
            BootstrapServers = Bootstrap, SecurityProtocol = SecurityProtocol.Ssl, SslCaLocation = _folder.PathOf("authorities.pem"),
            SslCertificatePem = certificate.ExportCertificatePem(),
            SslKeyPem = certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem(),
        };
    }

    private async Task<string> SubjectAsync()
    {
        using var client = new TcpClient();
        var bound = _api.Part<LocalBroker>();
        await client.ConnectAsync("127.0.0.1", bound.Port);
        using var tls = new SslStream(client.GetStream(), leaveInnerStreamOpen: false, (_, shown, _, _) => shown is not null);
        await tls.AuthenticateAsClientAsync("localhost");
        return tls.RemoteCertificate!.Subject;
    }

    private async Task<bool> IsAnsweredAsync(TestAuthority authority)
    {
        using var certificate = authority.Issue("CN=producer", TestAuthority.ForClients);
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", _api.Part<LocalBroker>().Port);
        using var tls = new SslStream(client.GetStream(), leaveInnerStreamOpen: false, (_, shown, _, _) => shown is not null);
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", ClientCertificates = [certificate] });
            byte[] apiVersions = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
            await tls.WriteAsync(apiVersions);
            return await tls.ReadAsync(new byte[1]) > 0;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static async Task<ErrorCode?> ErrorOfAsync(ClientConfig config, string topic, int timeoutMs = 20_000)
    {
        using var producer = new ProducerBuilder<Null, string>(new ProducerConfig(config) { MessageTimeoutMs = timeoutMs })
            .SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        try
        {
            await producer.ProduceAsync(topic, new Message<Null, string> { Value = "a" });
            return null;
        }
        catch (ProduceException<Null, string> exception)
        {
            return exception.Error.Code;
        }
    }
}
