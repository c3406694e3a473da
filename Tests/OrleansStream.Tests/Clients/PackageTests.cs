using System.Diagnostics;
using System.IO.Compression;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Clients;

/// <summary>The package as users install it: packed, added to an empty project from a local folder, and run by README's first program.</summary>
[Collection(ApiTests.Name)]
public sealed class PackageTests(ApiFixture api)
{
    /// <summary>Set to 1 to run it: packing and building take a minute.</summary>
    private const string Variable = "ORLEANSSTREAM_PACKAGE_TESTS";

    private const string TellsItsFramework =
        """
        using OrleansStream.Client;
        foreach (System.Runtime.Versioning.TargetFrameworkAttribute built in typeof(OrleansStreamClient).Assembly.GetCustomAttributes(
            typeof(System.Runtime.Versioning.TargetFrameworkAttribute), inherit: false))
            Console.WriteLine($"The client was built for {built.FrameworkName}.");
        """;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    // A machine without .NET 8 runs what was built for it on a later one. That shows the code of that build, and not that runtime.
    [Theory]
    [InlineData("net10.0")]
    [InlineData("net8.0")]
    public async Task Package_InAnEmptyProject_ProducesAndConsumes(string framework)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable(Variable) == "1", $"On demand: set {Variable}=1.");
        using var folder = new ScratchFolder();
        using var rig = await ClientRig.MakeAsync(api);
        var topic = $"new-{rig.Topic}";
        var packages = Directory.CreateDirectory(folder.PathOf("packages")).FullName;
        await PackAsync(folder, packages);
        AssertWhole(Assert.Single(Directory.GetFiles(packages, "*.nupkg")));

        var program = Directory.CreateDirectory(folder.PathOf("program")).FullName;
        await DotnetAsync(program, "new", "console");
        await TargetAsync(Assert.Single(Directory.GetFiles(program, "*.csproj")), framework);
        // A feed of its own, so that no package of the same version of an earlier run is taken from a cache.
        await File.WriteAllTextAsync(Path.Join(program, "nuget.config"), $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="{folder.PathOf("cache")}" /></config>
              <packageSources><add key="local" value="{packages}" /></packageSources> <!-- beside those of the machine -->
            </configuration>
            """);
        await DotnetAsync(program, "add", "package", "OrleansStream.Client");
        var readme = await File.ReadAllTextAsync(Repository.PathOf("Api", "Client", "README.md"));
        var code = readme.Split("```csharp\n")[1].Split("```")[0];
        await File.WriteAllTextAsync(Path.Join(program, "Program.cs"), code
            .Replace("using OrleansStream.Client;", TellsItsFramework, StringComparison.Ordinal)
            .Replace("http://localhost:8080", api.Client.BaseAddress!.ToString(), StringComparison.Ordinal)
            .Replace("\"matches\"", $"\"{topic}\"", StringComparison.Ordinal).Replace("\"scoreboard\"", $"\"{rig.Group}\"", StringComparison.Ordinal));

        var output = await DotnetAsync(program, "run", "-c", "Release");

        Assert.Contains("peru-chile: goal in minute 12", output, StringComparison.Ordinal);
        Assert.Contains($".NETCoreApp,Version=v{framework[3..]}", output, StringComparison.Ordinal);
        Assert.Equal(0, (await rig.Client.Admin.Groups.GetLagAsync(rig.Group)).Lag);
    }

    [Fact]
    public async Task Package_OfTheClient_HasWhatProgramsNeedAndNamesNoPackageThatThereIsNot()
    {
        using var folder = new ScratchFolder();
        var packages = Directory.CreateDirectory(folder.PathOf("packages")).FullName;
        await PackAsync(folder, packages);

        var package = Assert.Single(Directory.GetFiles(packages, "*.nupkg"));
        AssertWhole(package);
        using var archive = ZipFile.OpenRead(package);
        using var description = new StreamReader(archive.Entries.Single(entry => entry.FullName.EndsWith(".nuspec", StringComparison.Ordinal)).Open());
        var text = await description.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Contains("id=\"Azure.Core\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("id=\"OrleansStream.", text, StringComparison.Ordinal);
    }

    private static async Task TargetAsync(string project, string framework)
    {
        var text = await File.ReadAllTextAsync(project);
        var own = text.Split("<TargetFramework>")[1].Split("</TargetFramework>")[0];
        await File.WriteAllTextAsync(project, text.Replace(
            $"<TargetFramework>{own}</TargetFramework>",
            $"<TargetFramework>{framework}</TargetFramework><RollForward>Major</RollForward><UseAppHost>false</UseAppHost>", StringComparison.Ordinal));
    }

    // Beside the outputs of the build, which other tests use at the same time.
    private static Task PackAsync(ScratchFolder folder, string packages) => DotnetAsync(
        folder.Path, "pack", Repository.PathOf("Api", "Client"), "-c", "Release", "-v", "q", "--artifacts-path", folder.PathOf("artifacts"), "-o", packages);

    // Programs are compiled against the client and the contracts, and run with the codec beside them.
    private static void AssertWhole(string package)
    {
        using var archive = ZipFile.OpenRead(package);
        string[] files = [.. archive.Entries.Select(entry => entry.FullName)];
        foreach (var framework in new[] { "net8.0", "net10.0" })
        {
            Assert.All(["Client", "Contracts", "Wire"], name => Assert.Contains($"lib/{framework}/OrleansStream.{name}.dll", files));
            Assert.Equal(
                [$"ref/{framework}/OrleansStream.Client.dll", $"ref/{framework}/OrleansStream.Client.xml", $"ref/{framework}/OrleansStream.Contracts.dll"],
                files.Where(file => file.StartsWith($"ref/{framework}/", StringComparison.Ordinal) && !file.EndsWith("Contracts.xml", StringComparison.Ordinal))
                    .Order(StringComparer.Ordinal));
        }

        Assert.Contains("README.md", files);
    }

    private static async Task<string> DotnetAsync(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        using var patience = new CancellationTokenSource(Patience, TimeProvider.System);
        var output = process.StandardOutput.ReadToEndAsync(patience.Token);
        var error = process.StandardError.ReadToEndAsync(patience.Token);
        try
        {
            await process.WaitForExitAsync(patience.Token);
            Assert.True(process.ExitCode == 0, $"dotnet {string.Join(' ', arguments)}: {await output}{await error}");
            return await output;
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}
