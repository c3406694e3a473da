using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using OrleansStream.Contracts;

namespace OrleansStream.WebConsole.Tests;

/// <summary>A service that answers what a test says, and remembers what it was asked. A page may call it from several threads at once.</summary>
internal sealed class FakeService : HttpMessageHandler
{
    private static readonly string[] Roots = ["/below/v1/", "/below/console/"];

    private readonly ConcurrentDictionary<string, Func<HttpRequestMessage, string, Task<(int Status, string Body)>>> _answers =
        new(StringComparer.Ordinal);

    private readonly ConcurrentQueue<(string Asked, string? Credential)> _calls = [];

    /// <summary>What was asked: <c>GET topics?limit=50</c>, with the body behind it.</summary>
    public string[] Asked => [.. _calls.Select(call => call.Asked)];

    /// <summary>The credentials that came, in order.</summary>
    public string?[] Credentials => [.. _calls.Select(call => call.Credential)];

    /// <summary>Answers a call.</summary>
    /// <param name="call">The method and the path below <c>/v1/</c>, without a query.</param>
    /// <param name="body">The answer.</param>
    /// <param name="status">Its status.</param>
    public FakeService On(string call, string body, int status = 200) => On(call, (_, _) => (status, body));

    /// <summary>Answers a call by what it asks.</summary>
    /// <param name="call">The method and the path.</param>
    /// <param name="answer">Makes the answer of the request and its body.</param>
    public FakeService On(string call, Func<HttpRequestMessage, string, (int Status, string Body)> answer) =>
        On(call, (request, body) => Task.FromResult(answer(request, body)));

    /// <summary>Answers a call when the test lets it.</summary>
    /// <param name="call">The method and the path.</param>
    /// <param name="answer">Makes the answer of the request and its body.</param>
    public FakeService On(string call, Func<HttpRequestMessage, string, Task<(int Status, string Body)>> answer)
    {
        _answers[call] = answer;
        return this;
    }

    /// <summary>A problem as the service writes it.</summary>
    /// <param name="status">The status.</param>
    /// <param name="code">Kafka's name of the error.</param>
    /// <param name="detail">What is wrong.</param>
    public static string Problem(int status, string code, string detail) => JsonSerializer.Serialize(
        new Problem { Type = "about:blank", Title = code, Status = status, Detail = detail, ErrorCode = code, KafkaCode = 1, Retriable = false },
        ApiJsonContext.Api.Problem);

    /// <summary>A client of it, as the console has one.</summary>
    public HttpClient Client() => new(this) { BaseAddress = new Uri("https://stream.test/below/console/") };

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var path = request.RequestUri!.AbsolutePath;
        foreach (var root in Roots)
            path = path.StartsWith(root, StringComparison.Ordinal) ? path[root.Length..] : path;
        var body = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
        _calls.Enqueue(($"{request.Method} {path}{request.RequestUri.Query} {body}".TrimEnd(), request.Headers.Authorization?.Parameter));
        var (status, answer) = _answers.TryGetValue($"{request.Method} {path}", out var make)
            ? await make(request, body)
            : (404, Problem(404, "RESOURCE_NOT_FOUND", $"The test has no answer for {request.Method} {path}."));
        return new HttpResponseMessage((HttpStatusCode)status) { Content = new StringContent(answer, Encoding.UTF8, "application/json") };
    }
}
