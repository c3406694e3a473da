using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.CommandLine;

/// <summary>What runs do while the service is away, and what they say of it: each test kills a service of its own.</summary>
public sealed class ServiceAbsenceTests : IAsyncLifetime, IDisposable
{
    private const string Topic = "matches", Away = "does not answer", Back = "answers again";

    private readonly int _port = FreePort.Find();
    private readonly CommandLineRig _rig;
    private ServiceProcess? _service;

    public ServiceAbsenceTests() => _rig = new CommandLineRig(new Uri($"http://localhost:{_port}"));

    public async ValueTask InitializeAsync()
    {
        await StartAsync();
        (await _rig.RunAsync("topics", "create", Topic)).Expect(0);
    }

    public async ValueTask DisposeAsync()
    {
        if (_service is not null)
            await _service.DisposeAsync();
    }

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task RunsThatGoOn_WaitForTheService_AndSayOnceThatItIsAwayAndBack()
    {
        await using var produce = new RunningCommand(_rig.StartOf("produce", Topic));
        await using var consume = new RunningCommand(_rig.StartOf("consume", Topic, "--from", "beginning", "--follow"));
        await using var member = new RunningCommand(_rig.StartOf("consume", Topic, "--group", "scoreboard", "--follow"));
        await using var plot = new RunningCommand(_rig.StartOf("tail", Topic, "--plot", "--json"));
        RunningCommand[] all = [produce, consume, member, plot];
        await plot.UntilAsync(line => Rate(line) == 0);
        await produce.TypeAsync("one");
        await consume.UntilAsync(line => line == "one");
        await member.UntilAsync(line => line == "one");

        await _service!.KillAsync();
        await produce.TypeAsync("two");

        foreach (var run in all)
            await run.UntilToldAsync(Away);
        // What is not known is no 0.
        await plot.UntilAsync(line => Rate(line) is null);
        await StartAsync();
        foreach (var run in all)
            await run.UntilToldAsync(Back);
        await produce.TypeAsync("three");
        await consume.UntilAsync(line => line == "two");
        await consume.UntilAsync(line => line == "three");
        await member.UntilAsync(line => line == "three");
        await plot.UntilAsync(line => Rate(line) == 0);
        Assert.Equal(0, await produce.ExitAsync());
        Assert.Contains("3 records stored", produce.Errors, StringComparison.Ordinal);
        Assert.All(all, run => Assert.Equal((1, 1), (run.ToldCount(Away), run.ToldCount(Back))));
        Assert.Equal(["one", "two", "three"], (await _rig.RunAsync("consume", Topic)).Expect(0).Lines);
    }

    [Fact]
    public async Task Produce_WhenTheServiceStaysAway_NamesTheFirstLineThatIsNotStored()
    {
        await using var produce = new RunningCommand(_rig.StartOf("produce", Topic, "--json", "--delivery-timeout", "1s"));
        await produce.TypeAsync("one");
        await produce.TypeAsync("two");
        await Wait.UntilAsync("both are stored", async () => (await _rig.RunAsync("consume", Topic)).Lines.Length == 2);

        await _service!.KillAsync();
        await produce.TypeAsync("three");
        await produce.UntilToldAsync(Away);
        await produce.TypeAsync("four");

        Assert.Equal(7, await produce.ExitAsync());
        var told = produce.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!).ToArray();
        var error = told[^1]["error"]!;
        Assert.Equal((2, 3, 0, 0), ((int)error["stored"]!, (int)error["first_line_not_stored"]!, (int)error["stored_behind_it"]!, (int)error["outcome_unknown"]!));
        Assert.Equal(("NETWORK_EXCEPTION", 7), ((string?)error["code"], (int)error["exit_code"]!));
        Assert.All(told[..^1], note => Assert.NotNull(note["note"]));
        await StartAsync();
        Assert.Equal(["one", "two"], (await _rig.RunAsync("consume", Topic)).Expect(0).Lines);
    }

    private static long? Rate(string line) => (long?)JsonNode.Parse(line)!["records_per_second"];

    private async Task StartAsync()
    {
        await DisposeAsync();
        _service = await ServiceProcess.StartAsync(_rig.Folder.PathOf("data"), _port);
    }
}
