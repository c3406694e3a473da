using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Gateway.Admission;
using OrleansStream.Rest.Http;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api.Bodies;

/// <summary>Whatever a body is sent to, its memory is counted while it is held, whoever sends it slowly.</summary>
public sealed class BodyMemoryTests : IAsyncLifetime
{
    private readonly Service _service = new();
    private HttpClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _service.UseKestrel();
        _service.StartServer();
        _client = new HttpClient { BaseAddress = _service.ClientOptions.BaseAddress };
        using var made = await _client.PutAsync("/v1/topics/t", null);
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _service.DisposeAsync();
    }

    [Fact]
    public async Task Send_ToAnyEndpoint_CountsTheBodyUntilItsSenderGoes()
    {
        const int LengthBytes = 1000;
        var count = 0;
        foreach ((var method, var path, var operation) in Endpoints())
        {
            foreach (var type in operation.Takes)
            {
                using (var sender = await SendAsync(method, path, type, LengthBytes, new byte[10]))
                    await Wait.UntilAsync($"the body of {method} {path} is counted", () => Node.Bytes >= LengthBytes);
                await AssertAllIsBackAsync();
                count++;
            }
        }

        Assert.InRange(count, 15, int.MaxValue);
    }

    [Fact]
    public async Task Send_OfABodyThatIsOnlyAnnounced_TakesLittleAndGrowsWithIt()
    {
        var body = new byte[HttpLimits.RequestBytesMax];
        body.AsSpan().Fill((byte)' ');
        "{\"records\":[{\"value\":1}]}"u8.CopyTo(body);
        using var sender = await SendAsync("POST", "/v1/topics/t/records", "application/json", body.Length, []);
        await Wait.UntilAsync("the body is counted", () => Node.Bytes > 0);
        Assert.InRange(Node.Bytes, 1, 2 * HttpLimits.BodyBytesAhead);

        await sender.SendAsync(body, TestContext.Current.CancellationToken);
        var answer = new byte[1000];
        var length = await sender.ReceiveAsync(answer, TestContext.Current.CancellationToken);
        Assert.StartsWith("HTTP/1.1 200", Encoding.ASCII.GetString(answer, 0, length), StringComparison.Ordinal);
        await AssertAllIsBackAsync();
    }

    [Fact]
    public async Task Poll_WhoseStreamGoesOn_HoldsNothingOfItsBody()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/groups/g/members/m/poll")
        {
            Content = ApiFixture.Json("""{"topics":["t"]}""" + new string(' ', 100_000)),
        };
        request.Headers.Add("Accept", "text/event-stream");
        using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        using var events = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.NotNull(await events.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.Equal(0, Node.Bytes);
    }

    [Fact]
    public async Task Post_WhenLargeBodiesHoldAllTheyCanGet_IsTaken()
    {
        long taken = 0;
        while (Node.TryTake(2 * HttpLimits.RequestBytesMax))
            taken += 2 * HttpLimits.RequestBytesMax;
        Assert.InRange(taken, AdmissionLimits.RequestBytesInFlightMax / 2, AdmissionLimits.RequestBytesInFlightMax);

        foreach (var kind in BodyKinds.Produce("t"))
        {
            using var request = kind.Request(kind.Body);
            using var response = await _client.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.True(response.StatusCode == HttpStatusCode.OK, kind.Name);
        }

        Node.Return(taken);
    }

    private NodeLoad Node => _service.Services.GetRequiredService<NodeLoad>();

    private IEnumerable<(string Method, string Path, Operation Operation)> Endpoints() =>
        from endpoint in _service.Services.GetServices<EndpointDataSource>().SelectMany(source => source.Endpoints).OfType<RouteEndpoint>().Distinct()
        let operation = endpoint.Metadata.GetMetadata<Operation>()
        where operation is { Bodies.Count: > 0 }
        let path = endpoint.RoutePattern.RawText!.Replace("{topic}", "t", StringComparison.Ordinal).Replace("{partition}", "0", StringComparison.Ordinal)
            .Replace("{group}", "g", StringComparison.Ordinal).Replace("{member}", "m", StringComparison.Ordinal).Replace("{key}", "k", StringComparison.Ordinal)
        select (endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods[0], path, operation);

    private async Task<Socket> SendAsync(string method, string path, string type, int lengthBytes, byte[] start)
    {
        var sender = new Socket(SocketType.Stream, ProtocolType.Tcp);
        var service = _client.BaseAddress!;
        await sender.ConnectAsync(service.Host, service.Port, TestContext.Current.CancellationToken);
        var head = Encoding.ASCII.GetBytes($"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {type}\r\nContent-Length: {lengthBytes}\r\n\r\n");
        await sender.SendAsync((byte[])[.. head, .. start], TestContext.Current.CancellationToken);
        return sender;
    }

    private Task AssertAllIsBackAsync() => Wait.UntilAsync("all memory is given back", () => Node.Bytes == 0);

    private sealed class Service : WebApplicationFactory<OrleansStream.Api.Hosting.ConnectionMemory>
    {
        protected override void ConfigureWebHost(IWebHostBuilder builder) => builder
            .UseSetting("OrleansStream:Storage:Provider", "Memory").UseSetting(WebHostDefaults.ServerUrlsKey, ApiFixture.AnyPort);
    }
}
