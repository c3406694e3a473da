using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>A process that cannot use its account says so in one line, and ends with an exit code that is not 0.</summary>
public sealed class AzureStartTests : IDisposable
{
    private const string Settings = "OrleansStream:Storage:AzureBlobs";

    private readonly TcpListener _account = new(IPAddress.Loopback, port: 0);

    public void Dispose() => _account.Dispose();

    [Theory]
    [InlineData(null, "records", $"{Settings}:ServiceUri and {Settings}:ConnectionString are both empty")]
    [InlineData("AccountName=acme", "records", $"{Settings}:ConnectionString is malformed")]
    [InlineData("UseDevelopmentStorage=true", "Records!", $"{Settings}:Container is 'Records!'")]
    public async Task Start_WhenASettingIsWrong_NamesIt(string? connectionString, string container, string expected) =>
        await AssertRefusesAsync(connectionString, container, expected);

    [Fact]
    public async Task Start_WhenNothingServesAtTheAccountsAddress_SaysSo()
    {
        _account.Start();
        var connectionString = ConnectionString;
        _account.Stop();

        await AssertRefusesAsync(connectionString, "records", "Nothing serves there", $"{Settings}:ServiceUri or :ConnectionString");
    }

    [Fact]
    public async Task Start_WhenTheClocksAreTooFarApart_ShowsBoth()
    {
        var answering = AnswerAsync("403 Forbidden", "AuthenticationFailed", TimeProvider.System.GetUtcNow().AddHours(-2));

        await AssertRefusesAsync(ConnectionString, "records", "this machine's clock says", "and the account's", Settings);
        _account.Stop();
        await answering;
    }

    [Fact]
    public async Task Start_WhenTheIdentityHasNoRights_NamesTheRole()
    {
        var answering = AnswerAsync("403 Forbidden", "AuthorizationPermissionMismatch", TimeProvider.System.GetUtcNow());

        await AssertRefusesAsync(ConnectionString, "records", "Storage Blob Data Contributor", $"{Settings}:Container");
        _account.Stop();
        await answering;
    }

    private string ConnectionString =>
        $"DefaultEndpointsProtocol=http;AccountName=acme;AccountKey=a2V5;BlobEndpoint=http://{_account.LocalEndpoint}/acme;";

    // Answers every request to the account alike.
    private Task AnswerAsync(string status, string code, DateTimeOffset date)
    {
        _account.Start();
        var answer = Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"HTTP/1.1 {status}\r\nDate: {date:R}\r\nx-ms-error-code: {code}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
        return Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    using var caller = await _account.AcceptTcpClientAsync();
                    await caller.GetStream().ReadAtLeastAsync(new byte[4096], 1);
                    await caller.GetStream().WriteAsync(answer);
                }
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // The test is over.
            }
        });
    }

    private static async Task AssertRefusesAsync(string? connectionString, string container, params string[] expected)
    {
        await using var silo = ServiceProcess.LaunchNode(
            Repository.SiloAssembly,
            FreePort.Find(),
            ("OrleansStream__Storage__Provider", "AzureBlobs"),
            ("OrleansStream__Storage__AzureBlobs__ConnectionString", connectionString ?? ""),
            ("OrleansStream__Storage__AzureBlobs__Container", container));

        Assert.NotEqual(0, await silo.WaitForExitAsync());
        string line = Assert.Single(silo.Errors, line => line.Length > 0);
        Assert.All(expected, part => Assert.Contains(part, line, StringComparison.Ordinal));
    }
}
