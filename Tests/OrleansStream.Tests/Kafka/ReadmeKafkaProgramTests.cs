using System.Diagnostics;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using OrleansStream.Tests.EndToEnd;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Kafka;

/// <summary>
/// The README's programs with Kafka clients, as they stand there: each stores two goals and reads them back. Those of clients that are not installed
/// are skipped.
/// </summary>
public sealed partial class ReadmeKafkaProgramTests(KafkaFixture fixture) : IClassFixture<KafkaFixture>
{
    private const string Servers = "localhost:9092";

    // Debian's Python has Debian's packages, which another Python of the machine has not.
    private static readonly string[] Pythons = ["/usr/bin/python3", "python3"];

    // What a new console project has by itself, and a console of the program's own, since tests share the process.
    private const string Usings =
        "global using System; global using System.Collections.Generic; global using System.Linq; global using System.Threading.Tasks; global using Console = Output;";

    private const string Output =
        """
        public static class Output
        {
            public static readonly System.Text.StringBuilder Lines = new();
            public static void WriteLine(string line) => Lines.Append(line).Append('\n');
        }
        """;

    [Fact]
    public async Task Confluent_WhenRunAsItStands_ReadsWhatItStored()
    {
        await RenewTopicAsync();
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path));
        var compilation = CSharpCompilation.Create(
            "Readme", new[] { Usings, Output, Program("csharp") }.Select(source => CSharpSyntaxTree.ParseText(source)), references,
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));
        using var image = new MemoryStream();
        var result = compilation.Emit(image, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Empty(result.Diagnostics.Where(found => found.Severity >= DiagnosticSeverity.Warning));
        var assembly = Assembly.Load(image.ToArray());

        await Task.Run(() => assembly.EntryPoint!.Invoke(null, [Array.Empty<string>()]), TestContext.Current.CancellationToken)
            .WaitAsync(Wait.Patience, TestContext.Current.CancellationToken);

        AssertGoals(((StringBuilder)assembly.GetType("Output")!.GetField("Lines")!.GetValue(null)!).ToString());
    }

    [Fact]
    public async Task KafkaJs_WhenRunAsItStands_ReadsWhatItStored()
    {
        using var folder = new ScratchFolder();
        Directory.CreateSymbolicLink(folder.PathOf("node_modules"), Repository.PathOf("Tests", "node_modules"));
        // Its own log lines tell of joins.
        AssertGoals(await RunAsync(folder, "javascript", "program.mjs", "node", ("KAFKAJS_LOG_LEVEL", "error")));
    }

    [Fact]
    public async Task KafkaPython_WhenRunAsItStands_ReadsWhatItStored()
    {
        var python = await FindPythonAsync();
        Assert.SkipWhen(python is null, "No python3 has the package kafka-python (Debian: python3-kafka).");
        using var folder = new ScratchFolder();
        AssertGoals(await RunAsync(folder, "python", "program.py", python));
    }

    [Fact]
    public async Task Kcat_WhenRunAsItStands_ReadsWhatItStored()
    {
        Assert.SkipWhen(Installed.Find("kcat") is null, "kcat is not installed.");
        using var folder = new ScratchFolder();
        AssertGoals(await RunAsync(folder, "sh", "program.sh", "sh"));
    }

    private static void AssertGoals(string output)
    {
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => Goal().IsMatch(line)).ToList();
        Assert.True(lines.Count == 2, output);
        Assert.EndsWith("""/0 peru-chile {"event":"goal","minute":12}""", lines[0]);
        Assert.EndsWith("""/1 peru-chile {"event":"goal","minute":80}""", lines[1]);
    }

    private async Task<string> RunAsync(
        ScratchFolder folder, string language, string file, string command, params (string Name, string Value)[] environment)
    {
        await RenewTopicAsync();
        await File.WriteAllTextAsync(folder.PathOf(file), Program(language), TestContext.Current.CancellationToken);
        var start = new ProcessStartInfo(command, [file]) { WorkingDirectory = folder.Path };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var (exitCode, output, errors) = await OtherProgram.RunAsync(start);
        Assert.True(exitCode == 0, $"{language}: {exitCode} {errors}{output}");
        return output;
    }

    private static async Task<string?> FindPythonAsync()
    {
        foreach (var python in Pythons.Select(name => Path.IsPathRooted(name) ? name : Installed.Find(name)))
        {
            if (File.Exists(python) && (await OtherProgram.RunAsync(new ProcessStartInfo(python, ["-c", "import kafka"]))).ExitCode == 0)
                return python;
        }

        return null;
    }

    // The programs write to the same topic, one after the other: each finds it new.
    private async Task RenewTopicAsync()
    {
        var topic = new Uri("/v1/topics/matches", UriKind.Relative);
        using var deleted = await fixture.Api.Client.DeleteAsync(topic, TestContext.Current.CancellationToken);
        using var created = await fixture.Api.Client.PutAsync(
            topic, Support.Services.ApiFixture.Json("""{"partitions":6}"""), TestContext.Current.CancellationToken);
        created.EnsureSuccessStatusCode();
    }

    private string Program(string language)
    {
        var program = Block().Matches(WalkThrough.Section("From Kafka clients")).Single(block => block.Groups[1].Value == language).Groups[2].Value;
        Assert.Contains(Servers, program, StringComparison.Ordinal);
        return program.Replace(Servers, fixture.Bootstrap, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^\d+/\d+ ")]
    private static partial Regex Goal();

    [GeneratedRegex(@"(?s)```(\w+)\n(.*?)```")]
    private static partial Regex Block();
}
