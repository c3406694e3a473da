using System.Diagnostics;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Security;

/// <summary>A page of another origin in a real browser, on the machine of somebody who has the service running.</summary>
/// <remarks>It needs a Chromium on this machine, and downloads none.</remarks>
public sealed class ForeignPageBrowserTests(ApiFixture api) : IClassFixture<ApiFixture>
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task Page_OfAnotherOrigin_StoresAndReadsNothing()
    {
        var browser = Installed.FindBrowser();
        Assert.SkipWhen(browser is null, $"No browser is installed: {string.Join(", ", Installed.Browsers)}.");
        var topic = await api.CreateTopicAsync();
        await api.PostAsync($"/v1/topics/{topic}/records", """{"records":[{"value":"a secret"}]}""");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        await using var foreign = builder.Build();
        foreign.Urls.Add("http://127.0.0.1:0");
        foreign.MapGet("/", () => Results.Content("<!doctype html><title>Foreign</title>", "text/html"));
        await foreign.StartAsync(TestContext.Current.CancellationToken);
        using var profile = new ScratchFolder();

        var (exitCode, output, errors) = await OtherProgram.RunAsync(
            new ProcessStartInfo(
                "node",
                [Path.Combine(AppContext.BaseDirectory, "Foreign", "foreign-page.cjs"), browser, profile.Path, foreign.Urls.First(), api.Client.BaseAddress!.GetLeftPart(UriPartial.Authority), topic]),
            Patience);

        Assert.True(exitCode == 0 && errors.Length == 0, errors + output);
        var outcomes = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)
            .ToDictionary(one => (string)one["name"]!, one => one["outcome"]!.ToJsonString());
        Assert.Equal(7, outcomes.Count);
        // What the browser lets it send without asking is refused by the service; it sees no answer to the rest.
        Assert.Equal("\"refused\"", outcomes["a form"]);
        Assert.Equal("421", outcomes["a rebound name"]);
        Assert.Equal("\"refused\"", outcomes["an EventSource"]);
        Assert.Contains("Failed to fetch", outcomes["JSON, by asking"], StringComparison.Ordinal);
        Assert.Contains("Failed to fetch", outcomes["a read"], StringComparison.Ordinal);
        var partitions = (await api.GetAsync($"/v1/topics/{topic}/partitions"))["partitions"]!.AsArray();
        Assert.Equal(1, (long)partitions.Single()!["high_watermark"]!);
    }
}
