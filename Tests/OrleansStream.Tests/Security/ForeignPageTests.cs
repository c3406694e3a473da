using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Security;

/// <summary>What a page of another origin can have a browser send does nothing here.</summary>
[Collection(ApiTests.Name)]
public sealed class ForeignPageTests(ApiFixture api)
{
    [Theory]
    [InlineData("evil.example")]
    [InlineData("evil.example:8080")]
    [InlineData("localhost.evil.example")]
    [InlineData("127.0.0.1.evil.example")]
    [InlineData("192.168.0.7")]
    [InlineData("[::ffff:192.168.0.7]")]
    public async Task Request_ForANameThatIsNoneOfLoopback_IsRefused(string host)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/topics");
        request.Headers.Host = host;

        await AssertRefusedAsync(request, HttpStatusCode.MisdirectedRequest, "urn:orleansstream:error:HOST_NOT_ALLOWED");
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("LOCALHOST:1")]
    [InlineData("orleans.localhost:8080")]
    [InlineData("127.0.0.1")]
    [InlineData("127.1.2.3:80")]
    [InlineData("[::1]:8080")]
    public async Task Request_ForANameOfLoopback_IsTaken(string host)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/topics");
        request.Headers.Host = host;

        using var response = await api.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    // A program that writes its requests by hand puts any word there; a browser always sends these headers, too.
    [Theory]
    [InlineData(null, null, true)]
    [InlineData("User-Agent", "Mozilla/5.0", false)]
    [InlineData("Accept-Encoding", "gzip, deflate, br, zstd", false)]
    [InlineData("Origin", "http://x", false)]
    [InlineData("Referer", "http://x/", false)]
    public async Task Request_ForAHostWithoutADot_IsTakenFromProgramsOnly(string? name, string? value, bool isTaken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/topics");
        request.Headers.Host = "x";
        if (name is not null)
            Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        if (!isTaken)
        {
            await AssertRefusedAsync(request, HttpStatusCode.MisdirectedRequest, "urn:orleansstream:error:HOST_NOT_ALLOWED");
            return;
        }

        using var response = await api.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    // What a form, or fetch in the mode no-cors, sends without asking first.
    [Theory]
    [InlineData("text/plain", "https://evil.example")]
    [InlineData("text/plain", "null")]
    [InlineData("text/plain", "http://localhost:1")]
    [InlineData("application/x-www-form-urlencoded", "https://evil.example")]
    [InlineData("multipart/form-data; boundary=b", "https://evil.example")]
    [InlineData("application/json", "https://evil.example")]
    public async Task Post_OfAForeignPage_StoresNothing(string type, string origin)
    {
        var topic = await api.CreateTopicAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/topics/{topic}/records") { Content = ApiFixture.Body("""{"records":[{"value":1}]}"""u8.ToArray(), type) };
        request.Headers.Add("Origin", origin);

        await AssertRefusedAsync(request, HttpStatusCode.Forbidden, "urn:orleansstream:error:ORIGIN_NOT_ALLOWED");

        var partitions = (await api.GetAsync($"/v1/topics/{topic}/partitions"))["partitions"]!.AsArray();
        Assert.Equal(0, (long)partitions.Single()!["high_watermark"]!);
    }

    // Swagger UI's own; also behind a proxy that ends TLS.
    [Theory]
    [InlineData("http")]
    [InlineData("https")]
    public async Task Post_OfTheServicesOwnPage_IsTaken(string scheme)
    {
        var topic = await api.CreateTopicAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/topics/{topic}/records") { Content = ApiFixture.Json("""{"records":[{"value":1}]}""") };
        request.Headers.Add("Origin", $"{scheme}://{api.Client.BaseAddress!.Authority}");

        using var response = await api.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task Health_ForAnyName_IsTold()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/health/ready");
        request.Headers.Host = "10.0.0.7:8080";

        using var response = await api.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    private async Task AssertRefusedAsync(HttpRequestMessage request, HttpStatusCode status, string type)
    {
        using var response = await api.SendAsync(request);
        var problem = JsonNode.Parse(await ApiFixture.TextAsync(response))!;
        Assert.Equal((status, type), (response.StatusCode, (string)problem["type"]!));
    }
}
