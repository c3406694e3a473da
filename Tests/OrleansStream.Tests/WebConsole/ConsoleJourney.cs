using System.Diagnostics;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.WebConsole;

/// <summary>Runs the journey through the console, and judges what it found.</summary>
internal static class ConsoleJourney
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);

    /// <summary>A browser; the test is skipped where none is installed.</summary>
    public static string RequireBrowser()
    {
        var browser = Installed.FindBrowser();
        Assert.SkipWhen(browser is null, $"No browser is installed: {string.Join(", ", Installed.Browsers)}.");
        return browser;
    }

    /// <summary>Runs it to its end, and requires that every step did what it shows, and that no page had a barrier.</summary>
    /// <param name="service">Where the service is.</param>
    /// <param name="key">An API key that may do everything.</param>
    /// <param name="meetAsync">Makes the trouble that is named; null for a journey without any.</param>
    public static async Task RunAsync(Uri service, string key, Func<string, Task>? meetAsync = null)
    {
        var steps = await RunAsync("console-journey.cjs", service, [key, .. meetAsync is null ? Array.Empty<string>() : ["troubled"]], meetAsync);

        Assert.Empty(steps.Values.SelectMany(step => (step["faults"]?.AsArray() ?? []).Select(fault => $"{step["name"]}: {fault}")));
        Assert.Empty(steps["complaints of the browser"]["complaints"]!.AsArray());
        Assert.Contains("key", (string)steps["a wrong key"]["said"]!, StringComparison.Ordinal);
        Assert.Contains("at offset 0", (string)steps["produce a record"]["said"]!, StringComparison.Ordinal);
        Assert.Contains("\"minute\": 80", (string)steps["find it"]["payload"]!, StringComparison.Ordinal);
        Assert.Contains("taken back", (string)steps["dead letters"]["said"]!, StringComparison.Ordinal);
        Assert.NotEqual("0", (string)steps["reset the group"]["lag"]!);
        Assert.NotEqual("0", (string)steps["watch the lag fall"]["before"]!);
        Assert.True((bool)steps["make and revoke a key"]["made"]!);
    }

    /// <summary>Runs a script that uses the console, and prints how long its steps took.</summary>
    /// <param name="script">Its file, among the programs of others.</param>
    /// <param name="service">Where the service is.</param>
    /// <param name="arguments">Its arguments, behind the browser, its profile and the console's address.</param>
    /// <param name="meetAsync">Makes the trouble that the script asks for; null when it asks for none.</param>
    /// <returns>What it found at each step, by the step's name.</returns>
    public static async Task<IReadOnlyDictionary<string, JsonNode>> RunAsync(
        string script, Uri service, IEnumerable<string> arguments, Func<string, Task>? meetAsync = null)
    {
        var browser = RequireBrowser();
        using var profile = new ScratchFolder();
        var start = new ProcessStartInfo(
            "node",
            [Path.Combine(AppContext.BaseDirectory, "Foreign", script), browser, profile.Path, new Uri(service, "/console/").AbsoluteUri, .. arguments])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        using var deadline = new CancellationTokenSource(Patience);
        var steps = new Dictionary<string, JsonNode>();
        try
        {
            var errors = process.StandardError.ReadToEndAsync(deadline.Token);
            while (await process.StandardOutput.ReadLineAsync(deadline.Token) is { } line)
            {
                TestContext.Current.TestOutputHelper!.WriteLine(line);
                var step = JsonNode.Parse(line)!;
                if ((string?)step["trouble"] is not { } trouble)
                {
                    steps.Add((string)step["name"]!, step);
                    continue;
                }

                await meetAsync!(trouble);
                await process.StandardInput.WriteLineAsync(trouble.AsMemory(), deadline.Token);
                await process.StandardInput.FlushAsync(deadline.Token);
            }

            await process.WaitForExitAsync(deadline.Token);
            var story = await errors + string.Join('\n', steps.Values.Select(step => step.ToJsonString()));
            Assert.True(process.ExitCode == 0 && (await errors).Length == 0, story);
            return steps;
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}
