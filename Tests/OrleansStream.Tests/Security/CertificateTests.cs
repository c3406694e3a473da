using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Security;

/// <summary>TLS, and signing in by client certificates, with authorities that the test makes.</summary>
public sealed class CertificateTests : IDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly TestAuthority _authority = new("Authority");

    public void Dispose()
    {
        _authority.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Client_WithACertificateOfTheAuthorities_IsItsSubject()
    {
        await File.WriteAllTextAsync(_folder.PathOf("authorities.pem"), _authority.Certificate.ExportCertificatePem(), TestContext.Current.CancellationToken);
        WriteServerCertificate("first");
        var (port, tlsPort) = (FreePort.Find(), FreePort.Find());
        var key = $"os_bootstrap_{new string('a', 64)}";
        await using var service = ServiceProcess.LaunchListening(
            _folder.PathOf("data"), port, urls: null,
            ("Kestrel__Endpoints__Http__Url", $"http://127.0.0.1:{port}"),
            ("Kestrel__Endpoints__Https__Url", $"https://127.0.0.1:{tlsPort}"),
            ("Kestrel__Endpoints__Https__Certificate__Path", _folder.PathOf("server.pem")),
            ("Kestrel__Endpoints__Https__Certificate__KeyPath", _folder.PathOf("server.key")),
            ("OrleansStream__Security__BootstrapKey", key),
            ("OrleansStream__Security__ClientCertificates__AuthoritiesFile", _folder.PathOf("authorities.pem")));
        await service.WaitUntilReadyAsync();
        using var admin = service.Connect();
        admin.SignIn(key);
        (await admin.SendAsync(HttpMethod.Put, "/v1/topics/matches", ApiFixture.Json("{}"))).Expect(HttpStatusCode.Created);
        var right = new JsonObject { ["principal"] = "certificate:CN=producer", ["resource"] = "topic", ["name"] = "matches", ["role"] = "Data Sender" };
        (await admin.SendAsync(HttpMethod.Put, "/v1/access/rights", ApiFixture.Json(right.ToJsonString()))).Expect(HttpStatusCode.OK);

        using var producer = _authority.Issue("CN=producer", TestAuthority.ForClients);
        using var other = _authority.Issue("CN=other", TestAuthority.ForClients);
        Assert.Equal((200, "CN=first"), await SendAsync(tlsPort, producer));
        Assert.Equal((403, "CN=first"), await SendAsync(tlsPort, other));
        Assert.Equal((401, "CN=first"), await SendAsync(tlsPort, null));

        // One of an authority that is none, also of the same name; and one that is for servers.
        using var foreign = new TestAuthority("Authority");
        using var forged = foreign.Issue("CN=producer", TestAuthority.ForClients);
        using var server = _authority.Issue("CN=producer", TestAuthority.ForServers);
        await Assert.ThrowsAsync<HttpRequestException>(() => SendAsync(tlsPort, forged));
        await Assert.ThrowsAsync<HttpRequestException>(() => SendAsync(tlsPort, server));

        // The server's own is taken anew while it runs. For that its listener is bound again.
        WriteServerCertificate("second");
        await Wait.UntilAsync(
            "the new certificate is shown",
            async () =>
            {
                try
                {
                    return await SendAsync(tlsPort, producer) == (200, "CN=second");
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task Start_WhenTheAuthoritiesCannotBeRead_SaysSo()
    {
        await using var service = ServiceProcess.Launch(
            _folder.PathOf("data"), settings: ("OrleansStream__Security__ClientCertificates__AuthoritiesFile", _folder.PathOf("none.pem")));

        Assert.NotEqual(0, await service.WaitForExitAsync());
        var line = Assert.Single(service.Errors, line => line.Length > 0);
        Assert.Contains("Security:ClientCertificates:AuthoritiesFile", line, StringComparison.Ordinal);
        Assert.Contains("none.pem", line, StringComparison.Ordinal);
    }

    private static async Task<(int Status, string Server)> SendAsync(int port, X509Certificate2? certificate)
    {
        var server = "";
        using var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificates = certificate is null ? null : [certificate],
                RemoteCertificateValidationCallback = (_, shown, _, _) =>
                {
                    server = shown?.Subject ?? "";
                    return server.Length > 0;
                },
            },
        };
        using var client = new HttpClient(handler);
        using var response = await client.PostAsync(
            new Uri($"https://127.0.0.1:{port}/v1/topics/matches/records"), ApiFixture.Json("""{"records":[{"value":1}]}"""), TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, server);
    }

    private void WriteServerCertificate(string name)
    {
        using var certificate = _authority.Issue($"CN={name}", TestAuthority.ForServers);
        File.WriteAllText(_folder.PathOf("server.key"), certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(_folder.PathOf("server.pem"), certificate.ExportCertificatePem());
    }
}
