using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Gateway.Security;
using OrleansStream.Tests.Groups;
using OrleansStream.Tests.Security;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Telemetry;

/// <summary>Who is told metrics.</summary>
public sealed class MetricsRightsTests : IAsyncLifetime
{
    private readonly SecureApi _secure = new();
    private readonly ApiFixture _open = new(TimeProvider.System);

    public static TheoryData<string> Paths => ["/metrics", "/metrics/kafka"];

    public async ValueTask InitializeAsync()
    {
        await _secure.InitializeAsync();
        await _open.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _secure.DisposeAsync();
        await _open.DisposeAsync();
    }

    [Theory, MemberData(nameof(Paths))]
    public async Task Metrics_WhereCallersSignIn_NeedEveryRightToDescribe(string path)
    {
        using var admin = _secure.ClientOf(_secure.Bootstrap);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(admin, path));
        using var nobody = _secure.ClientOf(null);
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(nobody, path));
        using var wrong = _secure.ClientOf("os_wrong_" + new string('0', 64));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(wrong, path));

        var name = $"prometheus-{path.Length}";
        using var scraper = _secure.ClientOf(await _secure.CreateKeyAsync(name, $$"""{"name":"{{name}}"}"""));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(scraper, path));
        // Each by itself is not enough, and a part of the topics is not either.
        await _secure.GiveAsync($"key:{name}", "cluster", name: null, "describe");
        await _secure.GiveAsync($"key:{name}", "topic", "some.", "describe", "prefix");
        await _secure.GiveAsync($"key:{name}", "group", "", "describe", "prefix");
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(scraper, path));
        await _secure.GiveAsync($"key:{name}", "topic", "", "describe", "prefix");
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(scraper, path));
    }

    [Theory, MemberData(nameof(Paths))]
    public async Task Metrics_WhereNobodySignsIn_AreToldThisMachineAlone(string path)
    {
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(_open.Client, path));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(_open.Client, path, request => request.Headers.Host = "rebound.example"));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(_open.Client, path, request => request.Headers.Add("Origin", "https://page.example")));
    }

    [Theory]
    [InlineData(typeof(TimeoutException))]
    [InlineData(typeof(SiloUnavailableException))]
    public async Task Metrics_WhenNobodyCanTellWhoIsAllowed_MayBeAskedForAgain(Type failure)
    {
        var silent = Answering.By<ITokenSignIn>((_, _) => throw (Exception)Activator.CreateInstance(failure)!);
        await using var secure = new SecureApi([], configure: services => services.AddSingleton(silent));
        await secure.InitializeAsync();
        using var client = secure.ClientOf("some.token.text");
        using var response = await client.GetAsync("/metrics", TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(1)), (response.StatusCode, response.Headers.RetryAfter?.Delta));
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.Equal(
            ("COORDINATOR_NOT_AVAILABLE", 15, true), ((string?)problem["error_code"], (int)problem["kafka_code"]!, (bool)problem["retriable"]!));
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, string path, Action<HttpRequestMessage>? change = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        change?.Invoke(request);
        using var response = await client.SendAsync(request);
        return response.StatusCode;
    }
}
