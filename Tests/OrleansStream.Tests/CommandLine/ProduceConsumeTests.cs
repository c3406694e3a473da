using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.CommandLine;

/// <summary><c>orleansstream produce</c> and <c>consume</c> against the real service, in pipes as scripts use them.</summary>
[Collection(SharedServiceCollection.Name)]
public sealed class ProduceConsumeTests(ServiceFixture fixture) : IDisposable
{
    private readonly CommandLineRig _rig = new(fixture.Service.Address);

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task KafkasConsoleExample_WorksAsTyped()
    {
        var topic = await CreateAsync();

        var produced = (await _rig.PipeAsync("key1:Hello\nkey2:Hello\n", "produce", "--topic", topic, "--property", "parse.key=true", "--property", "key.separator=:")).Expect(0);
        Assert.Contains("2 records stored", produced.Errors, StringComparison.Ordinal);
        Assert.Empty(produced.Output);

        var consumed = (await _rig.RunAsync(
            "consume", "--topic", topic, "--from-beginning", "--property", "print.key=true", "--property", "key.separator=:")).Expect(0);
        Assert.Equal(["key1:Hello", "key2:Hello"], consumed.Lines);
    }

    [Fact]
    public async Task Consume_ByFormat_WritesKcatsFields()
    {
        var topic = await CreateAsync();
        (await _rig.PipeAsync("a:1,b:\tkey|välue\n", "produce", topic, "--headers", "-K", "|", "-H", "c=3")).Expect(0);

        var consumed = (await _rig.RunAsync("consume", topic, "--format", @"%t/%p/%o %k(%K)=%s(%S) [%h] %%\n")).Expect(0);

        Assert.Equal($"{topic}/0/0 key(3)=välue(6) [c=3,a=1,b=] %\n", consumed.Text);
    }

    [Fact]
    public async Task Consume_OfNothing_SaysSo()
    {
        var topic = await CreateAsync();
        var nothing = (await _rig.RunAsync("consume", topic)).Expect(0);
        Assert.Empty(nothing.Output);
        Assert.Contains($"The topic {topic} has no records", nothing.Errors, StringComparison.Ordinal);

        (await _rig.PipeAsync("one\n", "produce", topic)).Expect(0);
        Assert.Contains("none of them where you asked", (await _rig.RunAsync("consume", topic, "--from", "end")).Expect(0).Errors, StringComparison.Ordinal);
        Assert.Contains("let none of them through", (await _rig.RunAsync("consume", topic, "--value-filter", "two")).Expect(0).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Consume_FromPlaces_BeginsAndEndsThere()
    {
        var topic = await CreateAsync();
        // Recent ones: the topic's retention goes by them.
        var first = TimeProvider.System.GetUtcNow().AddHours(-3);
        string[] values = ["old", "mid", "new"];
        (await _rig.PipeAsync(
            string.Concat(values.Select((value, i) => $$"""{"value":"{{value}}","value_type":"string","timestamp":"{{first.AddHours(i):O}}"}""" + "\n")),
            "produce", topic, "--input", "ndjson")).Expect(0);

        Assert.Equal(["mid", "new"], await ConsumeAsync(topic, "--from", "1"));
        Assert.Equal(["new"], await ConsumeAsync(topic, "--from", "-1"));
        Assert.Equal(["mid"], await ConsumeAsync(topic, "--from", $"{first.AddMinutes(30):yyyy-MM-ddTHH:mm:ssZ}", "--to", $"@{first.AddHours(2).ToUnixTimeMilliseconds()}"));
        Assert.Equal(["old"], await ConsumeAsync(topic, "--to", "1"));
        Assert.Equal(["old"], await ConsumeAsync(topic, "--count", "1"));
    }

    [Fact]
    public async Task Consume_AsJson_IsWhatProduceTakes()
    {
        var (topic, copy) = (await CreateAsync(), await CreateAsync());
        byte[] noText = [0xFF, 0x00, 0xFE];
        (await _rig.PipeAsync("{\"key\":\"k\",\"value\":{\n", "produce", topic, "--input", "ndjson")).Expect(1);
        (await _rig.PipeAsync(
            """
            {"key":"k","value":{"big":9007199254740993},"headers":[{"key":"h","value":"v"},{"key":"n","value":null}]}
            {"key":"k","value":null}
            """, "produce", topic, "--input", "ndjson")).Expect(0);
        (await _rig.RunAsync(noText, "produce", topic, "--input", "whole", "--key", "007")).Expect(0);
        (await _rig.PipeAsync("{\n  \"two\": \"lines\"\n}", "produce", topic, "--input", "whole")).Expect(0);

        var first = (await _rig.RunAsync("consume", topic, "--json")).Expect(0);
        Assert.Equal(4, first.Objects.Length);
        Assert.Equal("9007199254740993", first.Objects[0]["value"]!["big"]!.ToJsonString());
        Assert.Null(first.Objects[1]["value"]);
        Assert.Equal(Convert.ToBase64String(noText), (string?)first.Objects[2]["value"]);
        Assert.Equal("lines", (string?)first.Objects[3]["value"]!["two"]);

        (await _rig.RunAsync(first.Output, "produce", copy, "--input", "ndjson")).Expect(0);
        var second = (await _rig.RunAsync("consume", copy, "--json")).Expect(0);
        Assert.Equal(first.Text.Replace(topic, copy, StringComparison.Ordinal), second.Text);
    }

    [Fact]
    public async Task Null_IsNothingWithoutAMarker()
    {
        var topic = await CreateAsync();
        (await _rig.PipeAsync("a:NULL\n", "produce", topic, "-K", ":")).Expect(0);
        (await _rig.PipeAsync("b:NULL\n", "produce", topic, "-K", ":", "--null-value", "NULL")).Expect(0);

        Assert.Equal("NULL\n\n", (await _rig.RunAsync("consume", topic)).Expect(0).Text);
        Assert.Equal("a=NULL b=∅ ", (await _rig.RunAsync("consume", topic, "--format", "%k=%s ", "--null-value", "∅")).Expect(0).Text);
        Assert.Equal("NULL", (await _rig.RunAsync("consume", topic, "--output", "raw")).Expect(0).Text);
    }

    [Fact]
    public async Task Consume_WithFilters_LetsThroughWhatPassesAll()
    {
        var topic = await CreateAsync();
        (await _rig.PipeAsync("kind:goal\ta:one\nkind:foul\ta:two\nkind:goal\tb:three\n", "produce", topic, "--headers", "-K", ":")).Expect(0);

        Assert.Equal(["one", "two"], await ConsumeAsync(topic, "--key-filter", "=a"));
        Assert.Equal(["one", "three"], await ConsumeAsync(topic, "--header-filter", "kind==goal"));
        Assert.Equal(["three"], await ConsumeAsync(topic, "--header-filter", "kind=goal", "--value-filter", "/^t.*e$/"));
    }

    [Fact]
    public async Task Consume_InAGroup_CommitsWhatItWroteAndNoMore()
    {
        var topic = await CreateAsync(partitions: 2);
        var group = CommandLineRig.NewName("group");
        (await _rig.PipeAsync(string.Concat(Enumerable.Range(0, 10).Select(i => $"k{i}:{i}\n")), "produce", topic, "-K", ":")).Expect(0);

        var some = await ConsumeAsync(topic, "--group", group, "--count", "4");
        var rest = await ConsumeAsync(topic, "--group", group);
        var none = (await _rig.RunAsync("consume", topic, "--group", group)).Expect(0);

        Assert.Equal(4, some.Length);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"{i}"), some.Concat(rest).Order(StringComparer.Ordinal));
        Assert.Contains($"the group {group} has committed all", none.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Consume_WhoseReaderGoesAway_EndsQuietly()
    {
        var topic = await CreateAsync();
        (await _rig.PipeAsync("a line\n", "produce", topic)).Expect(0);
        var start = _rig.StartOf("consume", topic, "--from", "beginning", "--follow");
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        try
        {
            Assert.Equal("a line", await process.StandardOutput.ReadLineAsync().WaitAsync(Wait.Patience));
            process.StandardOutput.Close();
            (await _rig.PipeAsync("another line\n", "produce", topic)).Expect(0);

            await process.WaitForExitAsync().WaitAsync(Wait.Patience);
            Assert.Equal(0, process.ExitCode);
            Assert.Empty(await errors);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    [Fact]
    public async Task Produce_ToNoTopic_EndsWithAdvice()
    {
        var failed = (await _rig.PipeAsync("x\n", "produce", "no-such-topic")).Expect(3);

        Assert.Contains("topics create", failed.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a b\n", 1, "Line 1 has no key separator ':'", "0 records are stored. Line 1 is the first that is not")]
    [InlineData("a:b\n\nc:d\n", 7, "Line 2 has no key separator ':'", "1 record is stored. Line 2 is the first that is not; stored of the lines behind it: none. 'tail -n +2'")]
    public async Task Produce_OfALineWithoutSeparator_NamesTheLineAndWhatIsStored(string input, int code, string message, string rest)
    {
        var topic = await CreateAsync();

        var failed = (await _rig.PipeAsync(input, "produce", topic, "-K", ":")).Expect(code);

        Assert.Contains(message, failed.Errors, StringComparison.Ordinal);
        Assert.Contains(rest, failed.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Produce_OfARecordThatIsRefused_StoresNothingBehindItInItsPartition()
    {
        var topic = await CreateAsync();
        var tooLong = new string('x', 1_500_000);

        var failed = (await _rig.PipeAsync($"one\ntwo\n{tooLong}\nfour\nfive\n", "produce", topic, "--linger", "1000", "--json")).Expect(7);

        var error = JsonNode.Parse(failed.Errors)!["error"]!;
        Assert.Equal(("MESSAGE_TOO_LARGE", 2, 3, 0), ((string?)error["code"], (int)error["stored"]!, (int)error["first_line_not_stored"]!, (int)error["stored_behind_it"]!));
        Assert.Equal(["one", "two"], await ConsumeAsync(topic));
    }

    /// <summary>As `consume --group | head`: the record that nobody took stays the group's.</summary>
    [Fact]
    public async Task Consume_InAGroupWhoseReaderGoesAway_CommitsNothingThatWasNotWritten()
    {
        var topic = await CreateAsync();
        var group = CommandLineRig.NewName("group");
        (await _rig.PipeAsync("one\n", "produce", topic)).Expect(0);
        await using var consume = new RunningCommand(_rig.StartOf("consume", topic, "--group", group, "--follow"));
        await consume.UntilAsync(line => line == "one");
        consume.CloseOutput();

        (await _rig.PipeAsync("two\nthree\n", "produce", topic)).Expect(0);

        Assert.Equal(0, await consume.ExitAsync());
        Assert.Empty(consume.Errors);
        Assert.Equal(["two", "three"], (await ConsumeAsync(topic, "--group", group)).TakeLast(2));
    }

    /// <summary>An input that goes on and on, whose topic goes away: the run ends by itself and says so.</summary>
    [Fact]
    public async Task Produce_WhoseRecordsAreRefused_EndsWhileTheInputGoesOn()
    {
        var topic = await CreateAsync();
        using var process = Process.Start(_rig.StartOf("produce", topic))!;
        var errors = process.StandardError.ReadToEndAsync();
        try
        {
            await process.StandardInput.WriteLineAsync("one");
            await process.StandardInput.FlushAsync();
            await Wait.UntilAsync("it is stored", async () => (await _rig.RunAsync("consume", topic)).Lines.Length == 1);
            (await _rig.RunAsync("topics", "delete", topic, "--yes")).Expect(0);
            await process.StandardInput.WriteLineAsync("two");
            await process.StandardInput.FlushAsync();

            await process.WaitForExitAsync().WaitAsync(Wait.Patience);
            Assert.Equal(7, process.ExitCode);
            Assert.Contains("1 record is stored. Line 2 is the first that is not", await errors, StringComparison.Ordinal);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    [Fact]
    public async Task Produce_OfAFile_StoresItsLines()
    {
        var topic = await CreateAsync();
        var path = _rig.Folder.PathOf("events.ndjson");
        await File.WriteAllTextAsync(path, string.Concat(Enumerable.Repeat("{\"key\":\"k\",\"value\":1}\n", 1_000)), Encoding.UTF8);

        var produced = (await _rig.RunAsync("produce", topic, "--file", path, "--compression", "zstd", "--json")).Expect(0);

        Assert.Equal(1_000, (long)produced.Objects[0]["records"]!);
        Assert.Equal(1_000, (await ConsumeAsync(topic)).Length);
    }

    private async Task<string[]> ConsumeAsync(string topic, params string[] arguments) =>
        (await _rig.RunAsync(["consume", topic, .. arguments])).Expect(0).Lines;

    private async Task<string> CreateAsync(int partitions = 1)
    {
        var topic = CommandLineRig.NewName("cli");
        (await _rig.RunAsync("topics", "create", topic, "-p", $"{partitions}")).Expect(0);
        return topic;
    }
}
