using System.Diagnostics;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Security;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.WebConsole;

/// <summary>
/// The web console in a real browser, as a person uses it: sign in, make a topic, play the sample, break a consumer, take its dead letters back,
/// reset a group, revoke a key. Each page is looked at by axe, and may not scroll sideways, be it wide and light or narrow and dark.
/// </summary>
/// <remarks>It needs a Chromium on this machine, and downloads none.</remarks>
public sealed class ConsoleJourneyTests : IClassFixture<SecureApi>
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly SecureApi _api;

    public ConsoleJourneyTests(SecureApi api) => _api = api;

    [Fact]
    public async Task Console_UsedByAPerson_DoesWhatItShowsAndHasNoBarrier()
    {
        var browser = Installed.FindBrowser();
        Assert.SkipWhen(browser is null, $"No browser is installed: {string.Join(", ", Installed.Browsers)}.");
        using var profile = new ScratchFolder();
        var start = new ProcessStartInfo("node",
        [
            Path.Combine(AppContext.BaseDirectory, "Foreign", "console-journey.cjs"), browser, profile.Path, new Uri(_api.Address, "/console/").AbsoluteUri, _api.Bootstrap,
        ]);

        var (exitCode, output, errors) = await OtherProgram.RunAsync(start, Patience);

        Assert.True(exitCode == 0 && errors.Length == 0, errors + output);
        var steps = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!).ToDictionary(one => (string)one["name"]!);
        Assert.Empty(steps.Values.SelectMany(step => (step["faults"]?.AsArray() ?? []).Select(fault => $"{step["name"]}: {fault}")));
        Assert.Empty(steps["complaints of the browser"]["complaints"]!.AsArray());
        Assert.Contains("key", (string)steps["a wrong key"]["said"]!, StringComparison.Ordinal);
        Assert.Contains("at offset 0", (string)steps["produce a record"]["said"]!, StringComparison.Ordinal);
        Assert.Contains("\"minute\": 80", (string)steps["find it"]["payload"]!, StringComparison.Ordinal);
        Assert.Contains("taken back", (string)steps["dead letters"]["said"]!, StringComparison.Ordinal);
        Assert.NotEqual("0", (string)steps["reset the group"]["lag"]!);
        Assert.True((bool)steps["make and revoke a key"]["made"]!);
    }
}
