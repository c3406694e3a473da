using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.CommandLine;

/// <summary><c>orleansstream topics</c> against the real service.</summary>
[Collection(SharedServiceCollection.Name)]
public sealed class TopicVerbsTests(ServiceFixture fixture) : IDisposable
{
    private readonly CommandLineRig _rig = new(fixture.Service.Address);

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task Topics_AreCreatedListedDescribedAlteredAndDeleted()
    {
        var topic = CommandLineRig.NewName("cli");
        var created = (await _rig.RunAsync("topics", "create", topic, "--partitions", "3", "--config", "retention.ms=3600000", "--json")).Expect(0);
        Assert.Equal(3, (int)created.Objects[0]["partitions"]!);

        Assert.Equal([topic], (await _rig.RunAsync("topics", "list", "--prefix", topic)).Expect(0).Lines);

        var described = (await _rig.RunAsync("topics", "describe", topic)).Expect(0);
        Assert.Contains("3 partitions", described.Text, StringComparison.Ordinal);
        Assert.Matches(@"retention\.ms +3600000\n", described.Text);

        (await _rig.RunAsync("topics", "alter", topic, "--partitions", "4", "--reset", "retention.ms")).Expect(0);
        var altered = (await _rig.RunAsync("topics", "describe", topic, "--json")).Expect(0).Objects[0];
        Assert.Equal(4, (int)altered["topic"]!["partitions"]!);
        Assert.Equal(4, altered["partitions"]!.AsArray().Count);
        Assert.Equal("604800000", altered["topic"]!["config"]!["retention.ms"]!.ToString());

        (await _rig.RunAsync("topics", "delete", topic, "--yes")).Expect(0);
        var gone = (await _rig.RunAsync("topics", "describe", topic)).Expect(3);
        Assert.Contains("topics list", gone.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Delete_WithoutATerminalAndYes_IsRefusedAndDoesNothing()
    {
        var topic = CommandLineRig.NewName("cli");
        (await _rig.RunAsync("topics", "create", topic)).Expect(0);

        var refused = (await _rig.PipeAsync($"{topic}\n", "topics", "delete", topic)).Expect(2);

        Assert.Contains("--yes", refused.Errors, StringComparison.Ordinal);
        (await _rig.RunAsync("topics", "describe", topic)).Expect(0);
    }

    [Fact]
    public async Task Create_OfOneThatIsOtherwise_EndsWithAConflictThatJsonTells()
    {
        var topic = CommandLineRig.NewName("cli");
        (await _rig.RunAsync("topics", "create", topic)).Expect(0);

        var refused = (await _rig.RunAsync("topics", "create", topic, "-p", "2", "--json")).Expect(6);

        var error = System.Text.Json.Nodes.JsonNode.Parse(refused.Errors)!["error"]!;
        Assert.Equal("TOPIC_ALREADY_EXISTS", (string?)error["code"]);
        Assert.Equal(6, (int)error["exit_code"]!);
        Assert.Empty(refused.Output);
    }

    [Fact]
    public async Task List_WithNothingToList_SaysSo()
    {
        var listed = (await _rig.RunAsync("topics", "list", "--prefix", "no-such-topic-")).Expect(0);

        Assert.Empty(listed.Output);
        Assert.Contains("no topic that begins with 'no-such-topic-'", listed.Errors, StringComparison.Ordinal);
    }
}
