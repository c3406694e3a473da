using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.CommandLine;

/// <summary>The command line at a terminal: progress, Ctrl-C, questions, and what it draws where.</summary>
[Collection(SharedServiceCollection.Name)]
public sealed class TerminalTests(ServiceFixture fixture) : IDisposable
{
    private readonly CommandLineRig _rig = new(fixture.Service.Address) { Environment = { ["TERM"] = "xterm-256color", ["NO_COLOR"] = null } };

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task ProgressIsDrawn_AndCtrlCEndsItWithAWholeScreen()
    {
        var topic = await CreateAsync();
        await using var terminal = Start("perf", "produce", topic, "--records", "100000000", "--rate", "2000");
        await terminal.UntilAsync("it draws progress", () => terminal.Shown.Contains("/s", StringComparison.Ordinal) && terminal.Shown.Contains('%'));
        Assert.Contains("\e[?25l", terminal.Shown, StringComparison.Ordinal); // the cursor is hidden meanwhile

        terminal.Type(PseudoTerminal.ControlC);

        Assert.Equal(130, await terminal.ExitAsync());
        Assert.True(terminal.Shown.LastIndexOf("\e[?25h", StringComparison.Ordinal) > terminal.Shown.LastIndexOf("\e[?25l", StringComparison.Ordinal), terminal.Shown);
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData("1", false)]
    public async Task Colours_AreThereUnlessNobodyWantsThem(string? noColor, bool areThere)
    {
        _rig.Environment["NO_COLOR"] = noColor;
        var topic = await CreateAsync();

        await using var terminal = Start("topics", "describe", topic);

        Assert.Equal(0, await terminal.ExitAsync());
        Assert.Contains(topic, terminal.Shown, StringComparison.Ordinal);
        Assert.Equal(areThere, terminal.Shown.Contains("\e[1m", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Produce_OfWhatIsTyped_KeepsItAlsoWhenCtrlCEndsIt()
    {
        var topic = await CreateAsync();
        await using (var terminal = Start("produce", topic))
        {
            await terminal.UntilShownAsync("Type a record a line");
            terminal.Type("typed one\n");
            await ConsumedAsync(topic, 1); // it is sent at once
            terminal.Type(PseudoTerminal.ControlC);
            Assert.Equal(130, await terminal.ExitAsync());
            Assert.Contains("1 record had been read before, and is stored", terminal.Shown, StringComparison.Ordinal);
        }

        await using (var terminal = Start("produce", topic))
        {
            await terminal.UntilShownAsync("Type a record a line");
            terminal.Type("typed two\n");
            await ConsumedAsync(topic, 2);
            terminal.Type(PseudoTerminal.ControlD);
            Assert.Equal(0, await terminal.ExitAsync());
        }

        Assert.Equal(["typed one", "typed two"], (await _rig.RunAsync("consume", topic)).Expect(0).Lines);
    }

    [Fact]
    public async Task Delete_AsksForTheName()
    {
        var topic = await CreateAsync();
        await using (var terminal = Start("topics", "delete", topic))
        {
            await terminal.UntilShownAsync($"Type its name, {topic}");
            terminal.Type("yes\r");
            Assert.Equal(1, await terminal.ExitAsync());
        }

        await using (var terminal = Start("topics", "delete", topic))
        {
            await terminal.UntilShownAsync($"Type its name, {topic}");
            terminal.Type(PseudoTerminal.ControlC);
            Assert.Equal(130, await terminal.ExitAsync());
        }

        (await _rig.RunAsync("topics", "describe", topic)).Expect(0);
        await using (var terminal = Start("topics", "delete", topic))
        {
            await terminal.UntilShownAsync($"Type its name, {topic}");
            terminal.Type($"{topic}\r");
            Assert.Equal(0, await terminal.ExitAsync());
        }

        (await _rig.RunAsync("topics", "describe", topic)).Expect(3);
    }

    [Fact]
    public async Task TailPlot_IsDrawnUntilCtrlC()
    {
        var topic = await CreateAsync();
        await using var terminal = Start("tail", topic, "--plot");
        await terminal.UntilShownAsync("until Ctrl-C");
        (await _rig.PipeAsync("a\nb\nc\n", "produce", topic)).Expect(0);
        await terminal.UntilShownAsync("█");

        terminal.Type(PseudoTerminal.ControlC);

        Assert.Equal(130, await terminal.ExitAsync());
    }

    private PseudoTerminal Start(params string[] arguments)
    {
        Assert.SkipUnless(PseudoTerminal.Missing is null, PseudoTerminal.Missing ?? "");
        return new PseudoTerminal(_rig.StartOf(arguments));
    }

    private async Task ConsumedAsync(string topic, int count) => await Support.Wait.UntilAsync(
        $"{count} records are stored", async () => (await _rig.RunAsync("consume", topic)).Lines.Length == count);

    private async Task<string> CreateAsync()
    {
        var topic = CommandLineRig.NewName("term");
        (await _rig.RunAsync("topics", "create", topic)).Expect(0);
        return topic;
    }
}
