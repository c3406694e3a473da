using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

public sealed class ClearTextHttp2Tests
{
    [Fact]
    public async Task Get_OverHttp2WithoutTls_IsAnsweredWhereTheSettingsSaySo()
    {
        await using var api = await LoneApi.StartAsync(settings:
        [
            "--Kestrel:Endpoints:A:Url=http://127.0.0.1:0",
            "--Kestrel:Endpoints:B:Url=http://127.0.0.1:0", "--Kestrel:Endpoints:B:Protocols=Http2",
        ]);
        Uri[] addresses = [.. api.Addresses];
        Assert.Equal(2, addresses.Length);
        using var plain = await GetAsync(addresses[0], HttpVersion.Version11, "/health/live");
        using var framed = await GetAsync(addresses[1], HttpVersion.Version20, "/health/live");
        using var refused = await GetAsync(addresses[1], HttpVersion.Version20, "/v1/topics?limit=0");
        Assert.Equal((HttpStatusCode.OK, HttpVersion.Version11), (plain.StatusCode, plain.Version));
        Assert.Equal((HttpStatusCode.OK, HttpVersion.Version20), (framed.StatusCode, framed.Version));
        Assert.Equal("limit", (string?)JsonNode.Parse(await ApiFixture.TextAsync(refused))!["field"]);
    }

    [Fact]
    public async Task Send_OfHttp2WhereOnlyHttp11IsServed_IsToldInFrames()
    {
        await using var api = await LoneApi.StartAsync();
        using var client = new TcpClient();
        await client.ConnectAsync(api.Addresses.Single().Host, api.Addresses.Single().Port, TestContext.Current.CancellationToken);
        await client.GetStream().WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        var frame = new byte[17];
        await client.GetStream().ReadExactlyAsync(frame, TestContext.Current.CancellationToken);
        // RFC 9113: GOAWAY (7) with the error HTTP_1_1_REQUIRED (13).
        Assert.Equal((7, 13), (frame[3], frame[16]));
    }

    private static async Task<HttpResponseMessage> GetAsync(Uri address, Version version, string path)
    {
        using var client = new HttpClient { BaseAddress = address };
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        return await client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
