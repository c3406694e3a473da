using System.Diagnostics;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.OpenApi;

/// <summary>
/// Swagger UI in a real browser: each operation is executed with its example as it stands, from the top of the page to its end. A right
/// document is not enough, since the page fills in defaults and writes bodies in its own way.
/// </summary>
/// <remarks>It needs a Chromium on this machine, and downloads none.</remarks>
public sealed class SwaggerPageTests : IClassFixture<ApiFixture>
{
    // Seconds, on a machine that has nothing else to do.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private readonly ApiFixture _api;

    public SwaggerPageTests(ApiFixture api) => _api = api;

    [Fact]
    public async Task Examples_WhenExecutedAsTheyStand_AllSucceedAndShowRecords()
    {
        var browser = Installed.FindBrowser();
        Assert.SkipWhen(browser is null, $"No browser is installed: {string.Join(", ", Installed.Browsers)}.");
        using var profile = new ScratchFolder();
        var start = new ProcessStartInfo("node",
        [
            Path.Combine(AppContext.BaseDirectory, "Foreign", "swagger-page.cjs"), browser, profile.Path,
            new Uri(_api.Client.BaseAddress!, "/swagger/index.html").AbsoluteUri,
        ]);

        var (exitCode, output, errors) = await OtherProgram.RunAsync(start, Patience);

        Assert.True(exitCode == 0 && errors.Length == 0, errors + output);
        List<JsonNode> executed = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];
        var failed = executed.Where(one => (int)one["status"]! is < 200 or > 299).Select(one => one.ToJsonString());
        Assert.True(!failed.Any(), string.Join('\n', failed));
        // Three bodies of those that produce have an example, in two operations.
        var document = await _api.GetAsync("/swagger/v1/swagger.json");
        Assert.Equal(document["paths"]!.AsObject().Sum(path => path.Value!.AsObject().Count) + 4, executed.Count);
        Assert.All(
            executed.Where(one => ((string)one["path"]!).EndsWith("/records", StringComparison.Ordinal) && (string?)one["method"] != "DELETE"),
            one => Assert.Contains("\"offset\":", (string)one["answer"]!, StringComparison.Ordinal));
        Assert.Contains("argentina-brazil", AnswerOf(executed, "/v1/topics/{topic}/partitions/{partition}/records"), StringComparison.Ordinal);
        Assert.Contains("argentina-brazil", AnswerOf(executed, "/v1/groups/{group}/members/{member}/poll", "POST"), StringComparison.Ordinal);
        Assert.Contains("\"offset\":0", AnswerOf(executed, "/v1/groups/{group}/offsets"), StringComparison.Ordinal);
        Assert.Equal(["DELETE", "DELETE", "DELETE"], executed.TakeLast(3).Select(one => (string)one["method"]!));
    }

    private static string AnswerOf(List<JsonNode> executed, string path, string method = "GET") =>
        (string)executed.Single(one => (string?)one["path"] == path && (string?)one["method"] == method)["answer"]!;
}
