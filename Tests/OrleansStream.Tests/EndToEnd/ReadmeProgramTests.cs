using System.Diagnostics;
using System.Text.RegularExpressions;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>
/// The README's programs in C#, Python and JavaScript, as they stand there: each stores two goals and reads them back as a group's member.
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

    private async Task RunAsync(
        string language, string file, string command, string[] arguments, Func<ScratchFolder, Task>? prepare = null)
    {
        Assert.SkipUnless(IsInstalled(command), $"{command} is not installed.");
        using var folder = new ScratchFolder();
        using var client = fixture.Service.Connect();
        // The programs write to the same topic, one after the other: each finds it new.
        await client.SendAsync(HttpMethod.Delete, "/v1/topics/matches");
        await client.CreateTopicAsync("matches", 6);
        var program = Block().Matches(WalkThrough.Section("From a program")).Single(block => block.Groups[1].Value == language).Groups[2].Value;
        await File.WriteAllTextAsync(
            folder.PathOf(file), program.Replace(Origin, fixture.Service.Address.GetLeftPart(UriPartial.Authority), StringComparison.Ordinal));
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

    [GeneratedRegex(@"(?s)```(csharp|python|javascript)\n(.*?)```")]
    private static partial Regex Block();
}
