using System.Diagnostics;
using System.Globalization;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.CommandLine;

/// <summary><c>orleansstream perf</c>, <c>tail</c>, <c>sample</c>, <c>completion</c>, help and wrong command lines.</summary>
[Collection(SharedServiceCollection.Name)]
public sealed class OtherVerbsTests(ServiceFixture fixture) : IDisposable
{
    private readonly CommandLineRig _rig = new(fixture.Service.Address);

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task Perf_MeasuresBothWays()
    {
        var topic = CommandLineRig.NewName("perf");
        (await _rig.RunAsync("topics", "create", topic, "-p", "2")).Expect(0);

        var produced = (await _rig.RunAsync("perf", "produce", topic, "--records", "2000", "--size", "50", "--json")).Expect(0).Objects[0];
        Assert.Equal((2_000, 100_000), ((long)produced["records"]!, (long)produced["bytes"]!));
        var latency = produced["latency_ms"]!;
        Assert.True((double)latency["p50"]! > 0 && (double)latency["p50"]! <= (double)latency["p99"]! && (double)latency["p99"]! <= (double)latency["max"]!, latency.ToJsonString());

        var paced = (await _rig.RunAsync("perf", "produce", topic, "--records", "500", "--rate", "1000")).Expect(0);
        Assert.Matches(@"500 records in 0\.[4-9]\d s|500 records in [1-9]", paced.Text);
        Assert.Contains("█ ", paced.Text, StringComparison.Ordinal);
        Assert.Contains("p99.9", paced.Text, StringComparison.Ordinal);
        Assert.Empty(paced.Errors);

        var consumed = (await _rig.RunAsync("perf", "consume", topic, "--records", "2200", "--json")).Expect(0).Objects[0];
        Assert.Equal(2_200, (long)consumed["records"]!);
        Assert.True((double)consumed["records_per_second"]! > 0);
    }

    [Fact]
    public async Task Sample_PlaysTheWorldCupAtItsSpeed()
    {
        var topic = CommandLineRig.NewName("cup");
        var started = Stopwatch.GetTimestamp();

        var played = (await _rig.RunAsync("sample", "world-cup", "--topic", topic, "--speed", "2500", "-p", "2")).Expect(0);

        Assert.True(Stopwatch.GetElapsedTime(started) > TimeSpan.FromSeconds(0.6), "632 events at 1,000 a second take more than 0.6 s.");
        Assert.Contains("632 records played", played.Errors, StringComparison.Ordinal);
        var match = (await _rig.RunAsync("consume", topic, "--key-filter", "=argentina-brazil", "--json")).Expect(0).Objects;
        Assert.Equal(Enumerable.Range(0, match.Length), match.Select(record => (int)record["value"]!["seq"]!));
        Assert.True(match.Length > 5);
        (await _rig.RunAsync("sample", "world-cup", "--speed", "0")).Expect(2);
    }

    [Fact]
    public async Task Tail_FollowsFromTheEndUntilItIsStopped()
    {
        var topic = CommandLineRig.NewName("tail");
        (await _rig.RunAsync("topics", "create", topic)).Expect(0);
        (await _rig.PipeAsync("before\n", "produce", topic)).Expect(0);
        await using var tail = new RunningCommand(_rig.StartOf("tail", topic, "--last", "1", "--format", @"%s\n"));
        await using var plot = new RunningCommand(_rig.StartOf("tail", topic, "--plot", "--json"));
        await tail.UntilAsync(line => line == "before");
        await plot.UntilAsync(line => line.Contains("\"records_per_second\":0", StringComparison.Ordinal));

        (await _rig.PipeAsync("after\n", "produce", topic)).Expect(0);

        await tail.UntilAsync(line => line == "after");
        await plot.UntilAsync(line => line.Contains("\"records_per_second\":1,\"bytes_per_second\":5", StringComparison.Ordinal));
        Assert.SkipWhen(Signals.IsIgnored(Signals.Interrupt), "This process ignores SIGINT, and so do those that it starts.");
        Assert.Equal(130, await tail.EndAsync(Signals.Interrupt));
        Assert.Equal(143, await plot.EndAsync(Signals.Terminate));
    }

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    [InlineData("pwsh")]
    public async Task Completion_PrintsAScriptThatTheShellReads(string shell)
    {
        var script = (await _rig.RunAsync("completion", shell)).Expect(0);
        Assert.Contains("orleansstream", script.Text, StringComparison.Ordinal);
        Assert.SkipUnless(Installed.Find(shell) is not null && shell != "pwsh", $"{shell} is not installed.");

        var path = _rig.Folder.PathOf("completion");
        await File.WriteAllBytesAsync(path, script.Output);
        var (code, _, errors) = await OtherProgram.RunAsync(new ProcessStartInfo(shell, ["-n", path]));
        Assert.True(code == 0, errors);
    }

    [Theory]
    [InlineData("orleansstream to", "topics")]
    [InlineData("orleansstream topics ", "describe")]
    [InlineData("orleansstream produce --comp", "--compression")]
    [InlineData("orleansstream completion ", "fish")]
    public async Task Suggestions_AreWhatFits(string line, string suggestion) => Assert.Contains(
        suggestion, (await _rig.RunAsync(string.Create(CultureInfo.InvariantCulture, $"[suggest:{line.Length}]"), line)).Expect(0).Lines);

    [Fact]
    public async Task Suggestions_HaveTheServicesNames_AndNoneWhereItIsAway()
    {
        var (topic, group) = (CommandLineRig.NewName("cli"), CommandLineRig.NewName("group"));
        (await _rig.RunAsync("topics", "create", topic)).Expect(0);
        (await _rig.RunAsync("groups", "alter", group, "--max-attempts", "3")).Expect(0);
        (await _rig.RunAsync("profile", "set", "my-profile", "--server", "localhost:1")).Expect(0);

        await UntilSuggestedAsync(topic, $"orleansstream consume {topic[..8]}");
        await UntilSuggestedAsync(topic, $"orleansstream produce --topic {topic[..8]}");
        await UntilSuggestedAsync(group, $"orleansstream groups lag {group[..10]}");
        await UntilSuggestedAsync(group, $"orleansstream consume {topic} --group {group[..10]}");
        await UntilSuggestedAsync("my-profile", "orleansstream topics list --profile my");
        Assert.DoesNotContain(topic, await SuggestAsync($"orleansstream consume --server http://127.0.0.1:{FreePort.Find()} {topic[..8]}"));
    }

    [Fact]
    public async Task AnAddressOfKafkasPort_IsNotChangedSilently() => Assert.Contains(
        "localhost:9092 is where Kafka clients are served", (await _rig.RunAsync("topics", "list", "--bootstrap-server", "localhost:9092")).Errors, StringComparison.Ordinal);

    // A shell's user waits for suggestions, so they wait for the service but shortly. A busy machine may take longer.
    private Task UntilSuggestedAsync(string name, string line) =>
        Wait.UntilAsync($"'{name}' is suggested", async () => (await SuggestAsync(line)).Contains(name));

    private async Task<string[]> SuggestAsync(string line)
    {
        var suggested = (await _rig.RunAsync(string.Create(CultureInfo.InvariantCulture, $"[suggest:{line.Length}]"), line)).Expect(0);
        Assert.Empty(suggested.Errors);
        return suggested.Lines;
    }

    [Theory]
    [InlineData("topics")]
    [InlineData("topics", "make", "x")]
    [InlineData("topics", "create")]
    [InlineData("topics", "create", "x", "--partitions", "many")]
    [InlineData("consume", "x", "--from", "middle")]
    [InlineData("consume", "x", "--output", "xml")]
    [InlineData("consume", "x", "--format", "%q")]
    [InlineData("consume")]
    [InlineData("consume", "x", "--topic", "y")]
    [InlineData("consume", "x", "--count", "0")]
    [InlineData("consume", "x", "--group", "g", "--from", "17")]
    [InlineData("produce", "x", "--property", "parse.keys=true")]
    [InlineData("produce", "x", "--input", "csv")]
    [InlineData("rights", "give", "key:a", "cluster", "x", "--allow", "read")]
    [InlineData("rights", "give", "key:a", "topic", "x")]
    [InlineData("perf", "produce", "x", "--size", "0")]
    [InlineData("completion", "csh")]
    [InlineData("--server", "ftp://x", "topics", "list")]
    public async Task WrongCommandLines_EndWithTwoAndAReason(params string[] arguments)
    {
        var refused = (await _rig.RunAsync(arguments)).Expect(2);

        Assert.Empty(refused.Output);
        Assert.StartsWith("orleansstream: ", refused.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", refused.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unreachable_EndsWithFiveAndAdvice()
    {
        var refused = (await _rig.RunAsync("topics", "list", "--server", $"http://127.0.0.1:{FreePort.Find()}")).Expect(5);

        Assert.Contains("does not answer", refused.Errors, StringComparison.Ordinal);
        Assert.Contains("orleansstream serve", refused.Errors, StringComparison.Ordinal);
    }

    /// <summary>Each verb has its help, which names every option, and no secret of the environment.</summary>
    [Fact]
    public async Task Help_OfEveryVerb_TellsWhatItDoes()
    {
        _rig.Environment["ORLEANSSTREAM_KEY"] = "os_a_secret_of_the_environment";
        string[][] verbs = [[], ["topics"], ["topics", "create"], ["produce"], ["consume"], ["groups", "reset"], ["dead-letters", "redrive"], ["rights", "give"], ["serve"]];
        foreach (var verb in verbs)
        {
            var help = (await _rig.RunAsync([.. verb, "--help"])).Expect(0);
            Assert.Contains($"orleansstream {string.Join(' ', verb)}".TrimEnd(), help.Text, StringComparison.Ordinal);
            Assert.Contains("--server", help.Text, StringComparison.Ordinal);
            Assert.DoesNotContain("secret", help.Text, StringComparison.Ordinal);
            Assert.DoesNotContain('\e', help.Text);
        }
    }
}
