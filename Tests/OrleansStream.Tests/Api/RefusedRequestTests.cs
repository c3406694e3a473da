using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>Requests that the server refuses before the service sees them.</summary>
public sealed class RefusedRequestTests
{
    private static readonly string Long = new('x', 100_000);

    public static TheoryData<string, int, string> Requests => new()
    {
        { "GET /v1/topics/a%00b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "%00" },
        { "GET /v1/topics/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "%00" },
        { $"GET /v1/topics/{Long} HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "8192" },
        { $"GET /v1/topics?prefix={new string('x', 8_192)} HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "8192" },
        { $"GET /v1/topics HTTP/1.1\r\nHost: localhost\r\nA: {Long}\r\n\r\n", 431, "40960" },
        { $"GET /v1/topics HTTP/1.1\r\nHost: localhost\r\n{string.Concat(Enumerable.Repeat("A: b\r\n", 300))}\r\n", 431, "200" },
        { "GET /v1/topics HTTP/1.1\r\nHost: localhost\r\nRecord-Key: caf\u00e9\r\n\r\n", 400, "UTF-8" },
        { "GET /v1/topics HTTP/1.1\r\nHost: localhost\r\nA\u00e9: b\r\n\r\n", 400, "ASCII" },
        { "GET /v1/topics HTTP/1.1\r\nHost: localhost\r\nA: b\0c\r\n\r\n", 400, "HTTP" },
        { "GET /v1/topics HTTP/1.1\r\nHost: localhost\r\nA b\r\n\r\n", 400, "HTTP" },
        { "GET /v1/topics HTTP/1.1\r\n\r\n", 400, "Host" },
        { "GET /v1/topics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "Host" },
        { "GET /v1/topics HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "Invalid Host header" },
        { "GET /v1/caf\u00e9 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "HTTP" },
        { "GET /v1 topics HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "HTTP" },
        { "GET v1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, "HTTP" },
        { "\r\n\r\nhello\r\n\r\n", 400, "HTTP" },
        { "POST /v1/topics/t/records HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400, "HTTP" },
        { "POST /v1/topics/t/records HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "HTTP" },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Send_WhatTheServerRefuses_IsExplainedByAProblem(string request, int status, string detail)
    {
        await using var api = await LoneApi.StartAsync();
        var answer = await SendAsync(api.Addresses.Single(), request);
        AssertProblem(answer, status, detail);
    }

    [Fact]
    public async Task Send_BehindARequestThatWasAnswered_IsExplainedToo()
    {
        await using var api = await LoneApi.StartAsync();
        var answers = await SendAsync(api.Addresses.Single(), "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\nGET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n");
        var second = answers.IndexOf("HTTP/1.1 400", StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", answers, StringComparison.Ordinal);
        AssertProblem(answers[second..], 400, "%00");
    }

    [Fact]
    public async Task Send_OfAHead_HasNoBody()
    {
        await using var api = await LoneApi.StartAsync();
        var answer = await SendAsync(api.Addresses.Single(), "HEAD /v1/topics HTTP/1.1\r\nHost: localhost\r\nHost: i\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 400", answer, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("application/problem+json", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_UpToTheBounds_ReachesTheService()
    {
        await using var api = await LoneApi.StartAsync();
        var headers = string.Concat(Enumerable.Range(0, 190).Select(i => $"A{i}: {new string('b', 190)}\r\n"));
        var line = $"GET /{new string('x', 8_000)} HTTP/1.1\r\n";
        AssertProblem(await SendAsync(api.Addresses.Single(), $"{line}Host: localhost\r\nConnection: close\r\nCaf: caf\u00c3\u00a9\r\n{headers}\r\n"), 404, "xxx");
    }

    [Theory]
    [InlineData("%zz"), InlineData("%"), InlineData("%C0%AF"), InlineData("%ED%A0%80"), InlineData("%ff"), InlineData("%2e%2e%5c"), InlineData("a%0d%0ab"), InlineData("%E2%80%A8")]
    public async Task Get_WithAPathThatIsNoName_IsRefusedByName(string name)
    {
        await using var api = await LoneApi.StartAsync();
        foreach (var path in new[] { $"/v1/topics/{name}", $"/v1/groups/{name}" })
        {
            var answer = await SendAsync(api.Addresses.Single(), $"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            AssertProblem(answer, 400, "1 to 249 characters");
        }
    }

    private static void AssertProblem(string answer, int status, string detail)
    {
        var shown = answer.Length > 500 ? answer[..500] : answer;
        var end = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        Assert.True(end > 0 && answer.StartsWith($"HTTP/1.1 {status} ", StringComparison.Ordinal), $"'{shown}'");
        var head = answer[..end];
        var body = answer[(end + 4)..];
        Assert.Contains("Content-Type: application/problem+json", head, StringComparison.Ordinal);
        Assert.Contains($"Content-Length: {body.Length}", head, StringComparison.Ordinal);
        var problem = JsonNode.Parse(body)!;
        Assert.Equal(status, (int)problem["status"]!);
        Assert.Equal("INVALID_REQUEST", ((string)problem["error_code"]!).Replace("INVALID_TOPIC_EXCEPTION", "INVALID_REQUEST", StringComparison.Ordinal));
        Assert.False(string.IsNullOrEmpty((string?)problem["trace_id"]));
        Assert.Contains(detail, (string)problem["detail"]!, StringComparison.Ordinal);
    }

    // A byte a character, and all that comes until the server ends the connection.
    private static async Task<string> SendAsync(Uri address, string request)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        timeout.CancelAfter(TimeSpan.FromSeconds(20));
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port, timeout.Token);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), timeout.Token);
        using var answer = new MemoryStream();
        try
        {
            await stream.CopyToAsync(answer, timeout.Token);
        }
        catch (IOException)
        {
            // It was ended with something of the request unread; what came before it counts.
        }

        return Encoding.Latin1.GetString(answer.ToArray());
    }
}
