using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>
/// The README's programs in C#, Python, JavaScript, Java and for a shell, as they stand there: each stores two goals and reads them back.
/// </summary>
public sealed partial class ReadmeProgramTests(ServiceFixture fixture) : IClassFixture<ServiceFixture>
{
    private const string Origin = "http://localhost:8080";

    private const string ConsoleProject = """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <OutputType>Exe</OutputType>
            <TargetFramework>net10.0</TargetFramework>
            <ImplicitUsings>enable</ImplicitUsings>
            <Nullable>enable</Nullable>
            <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
          </PropertyGroup>
        </Project>
        """;

    [Fact]
    public Task CSharp_WhenRunAsItStands_ReadsWhatItStored() => RunAsync("csharp", "Program.cs", "dotnet", ["run"], async folder =>
        await File.WriteAllTextAsync(folder.PathOf("readme.csproj"), ConsoleProject));

    [Fact]
    public Task Python_WhenRunAsItStands_ReadsWhatItStored() => RunAsync("python", "program.py", "python3", ["program.py"]);

    [Fact]
    public Task JavaScript_WhenRunAsItStands_ReadsWhatItStored() => RunAsync("javascript", "program.mjs", "node", ["program.mjs"]);

    [Fact]
    public Task Java_WhenRunAsItStands_ReadsWhatItStored() => RunAsync("java", "Program.java", "java", ["Program.java"], needs: "javac");

    [Fact]
    public async Task Curl_WhenRunAsItStands_ReadsWhatItStored()
    {
        Assert.SkipWhen(Installed.Find("curl") is null, "curl is not installed.");
        using var folder = new ScratchFolder();
        await RenewTopicAsync();
        var lines = ProgramIn("sh").Split('\n', StringSplitOptions.RemoveEmptyEntries);

        var outputs = new List<string>();
        foreach (var line in lines)
            outputs.Add(await WalkThrough.RunAsync(line, fixture.Service.Address.GetLeftPart(UriPartial.Authority), folder));

        var records = JsonNode.Parse(outputs[^1])!["records"]!.AsArray();
        Assert.Equal([12, 80], records.Select(record => (int)record!["value"]!["minute"]!));
    }

    private static string ProgramIn(string language) =>
        Block().Matches(WalkThrough.Section("From a program")).Single(block => block.Groups[1].Value == language).Groups[2].Value;

    // The programs write to the same topic, one after the other: each finds it new.
    private async Task RenewTopicAsync()
    {
        using var client = fixture.Service.Connect();
        await client.SendAsync(HttpMethod.Delete, "/v1/topics/matches");
        await client.CreateTopicAsync("matches", 6);
    }

    private async Task RunAsync(
        string language, string file, string command, string[] arguments, Func<ScratchFolder, Task>? prepare = null, string? needs = null)
    {
        Assert.SkipUnless(IsInstalled(needs ?? command), $"{needs ?? command} is not installed.");
        using var folder = new ScratchFolder();
        await RenewTopicAsync();
        await File.WriteAllTextAsync(
            folder.PathOf(file),
            ProgramIn(language).Replace(Origin, fixture.Service.Address.GetLeftPart(UriPartial.Authority), StringComparison.Ordinal));
        if (prepare is not null)
            await prepare(folder);

        var (exitCode, output, errors) = await OtherProgram.RunAsync(new ProcessStartInfo(command, arguments) { WorkingDirectory = folder.Path });

        Assert.True(exitCode == 0, $"{language}: {exitCode} {errors}{output}");
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.All(lines, line => Assert.Contains("peru-chile", line, StringComparison.Ordinal));
        Assert.Contains("12", lines[0], StringComparison.Ordinal);
        Assert.Contains("80", lines[1], StringComparison.Ordinal);
    }

    private static bool IsInstalled(string command) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator).Any(folder => File.Exists(Path.Join(folder, command)) || File.Exists(Path.Join(folder, command + ".exe")));

    [GeneratedRegex(@"(?s)```(csharp|python|javascript|java|sh)\n(.*?)```")]
    private static partial Regex Block();
}
