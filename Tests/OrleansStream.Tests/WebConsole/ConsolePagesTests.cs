using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using OrleansStream.Tests.Security;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.WebConsole;

/// <summary>How the service hands out the web console, and tells callers who they are.</summary>
[Collection(ApiTests.Name)]
public sealed partial class ConsolePagesTests(ApiFixture api)
{
    [Theory]
    [InlineData("/", "./console/")]
    [InlineData("/console", "./console/")]
    [InlineData("/console?a=b", "./console/?a=b")]
    public async Task Way_ToTheConsole_WorksBelowAnyPathOfAProxy(string path, string way)
    {
        using var answer = await api.SendAsync(new HttpRequestMessage(HttpMethod.Get, path));

        Assert.Equal(HttpStatusCode.Found, answer.StatusCode);
        Assert.Equal(way, answer.Headers.Location!.OriginalString);
    }

    [Theory]
    [InlineData("/console/", "./")]
    [InlineData("/console/topics", "./")]
    [InlineData("/console/topics/pages.raw", "../")]
    [InlineData("/console/topics/a%2Fb/records?from=oldest", "../../")]
    public async Task Page_AtAnyDepth_FindsItsFilesByARelativeWay(string path, string way)
    {
        using var answer = await api.SendAsync(new HttpRequestMessage(HttpMethod.Get, path));
        var page = await ApiFixture.TextAsync(answer);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("text/html", answer.Content.Headers.ContentType!.MediaType);
        Assert.Contains($"<base href=\"{way}\" />", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script>", page, StringComparison.Ordinal);
        Assert.DoesNotMatch(Outside(), page);
        var policy = string.Join(' ', answer.Headers.GetValues("Content-Security-Policy"));
        Assert.Contains("script-src 'self' 'wasm-unsafe-eval';", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.Contains("nosniff", answer.Headers.GetValues("X-Content-Type-Options"));
    }

    [Theory]
    [InlineData("console.css", "text/css")]
    [InlineData("console.js", "text/javascript")]
    [InlineData("_framework/blazor.webassembly.js", "text/javascript")]
    [InlineData("_framework/dotnet.native.wasm", "application/wasm")]
    [InlineData("world-cup.ndjson", "application/x-ndjson")]
    public async Task File_IsSentOnceAndCompressed(string name, string type)
    {
        using var asked = new HttpRequestMessage(HttpMethod.Get, $"/console/{name}");
        asked.Headers.AcceptEncoding.ParseAdd("gzip");
        using var answer = await api.SendAsync(asked);
        using var again = new HttpRequestMessage(HttpMethod.Get, $"/console/{name}");
        again.Headers.TryAddWithoutValidation("If-None-Match", answer.Headers.ETag!.ToString());
        using var same = await api.SendAsync(again);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(type, answer.Content.Headers.ContentType!.MediaType);
        Assert.Contains("gzip", answer.Content.Headers.ContentEncoding);
        Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
        Assert.Equal("no-cache", answer.Headers.CacheControl!.ToString());
    }

    [Theory]
    [InlineData("/console/_framework/none.dll")]
    [InlineData("/console/_framework/..%2F..%2FOrleansStream.Api.dll")]
    [InlineData("/console/_content/..%2f..%2fappsettings.json")]
    public async Task File_ThatIsNotTheConsoles_IsNotFound(string path)
    {
        using var answer = await api.SendAsync(new HttpRequestMessage(HttpMethod.Get, path));

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal("No such path", (string)JsonNode.Parse(await ApiFixture.TextAsync(answer))!["title"]!);
    }

    [Fact]
    public async Task Page_WhenItIsPosted_IsRefused()
    {
        using var answer = await api.PostAsync("/console/", ApiFixture.Json("{}"));

        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
        Assert.Equal(["GET", "HEAD"], answer.Content.Headers.Allow);
        var problem = JsonNode.Parse(await ApiFixture.TextAsync(answer))!;
        Assert.Equal("urn:orleansstream:error:METHOD_NOT_ALLOWED", (string)problem["type"]!);
        Assert.Equal("POST is not allowed here. Allowed: GET, HEAD.", (string)problem["detail"]!);
    }

    [Fact]
    public async Task Caller_WhereNobodySignsIn_MayDoEverything()
    {
        var settings = await api.GetAsync("/console/settings.json");
        var caller = await api.GetAsync("/v1/access/me");

        Assert.False((bool)settings["sign_in"]!);
        Assert.Equal("anonymous", (string)caller["principal"]!);
        Assert.False((bool)caller["sign_in_required"]!);
        Assert.Equal(["topic", "group", "cluster"], caller["rights"]!.AsArray().Select(right => (string)right!["resource"]!));
        Assert.All(caller["rights"]!.AsArray(), right => Assert.Contains("manage", right!["operations"]!.AsArray().Select(one => (string)one!)));
    }

    [GeneratedRegex("(src|href)=\"(https?:)?//")]
    private static partial Regex Outside();
}

/// <summary>What a service with sign-in tells its callers of themselves.</summary>
public sealed class CallerTests(SecureApi api) : IClassFixture<SecureApi>
{
    [Fact]
    public async Task Caller_WithRights_IsToldAllOfThemAndNoSecret()
    {
        using var admin = api.ClientOf(api.Bootstrap);
        var key = (string)(await SecureApi.SendAsync(admin, HttpMethod.Put, "/v1/access/keys/own-1", """{"name":"own","role":"Data Sender"}""", 201))!["key"]!;
        await SecureApi.SendAsync(admin, HttpMethod.Put, "/v1/access/rights", """{"principal":"key:own","resource":"topic","pattern":"prefix","name":"pages.","operations":["read"]}""");
        await SecureApi.SendAsync(admin, HttpMethod.Put, "/v1/access/rights", """{"principal":"key:own","resource":"group","name":"crawlers","operations":["manage"]}""");
        await SecureApi.SendAsync(admin, HttpMethod.Put, "/v1/access/rights", """{"principal":"key:other","resource":"topic","name":"secret","operations":["read"]}""");
        using var client = api.ClientOf(key);

        var caller = (await SecureApi.SendAsync(client, HttpMethod.Get, "/v1/access/me"))!;

        Assert.Equal("key:own", (string)caller["principal"]!);
        Assert.True((bool)caller["sign_in_required"]!);
        Assert.Equal(
            ["topic prefix '' describe,write", "topic prefix 'pages.' describe,read", "group literal 'crawlers' describe,manage"],
            caller["rights"]!.AsArray().Select(right => $"{right!["resource"]} {right["pattern"]} '{right["name"]}' {string.Join(',', right["operations"]!.AsArray())}"));
        Assert.DoesNotContain(key[(key.LastIndexOf('_') + 1)..], caller.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Settings_BeforeAnybodyHasSignedIn_TellHowPeopleDo()
    {
        using var nobody = api.ClientOf(null);

        var settings = JsonNode.Parse(await nobody.GetStringAsync("/console/settings.json", TestContext.Current.CancellationToken))!;

        Assert.True((bool)settings["sign_in"]!);
        Assert.True((bool)settings["keys"]!);
        Assert.Null(settings["authority"]);
    }
}
