using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.InteropServices;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.CommandLine;

/// <summary>The tool as users install it: packed, installed from a local folder, and run with the service that it brings along.</summary>
public sealed class CommandLinePackageTests
{
    /// <summary>Set to 1 to run it: packing publishes the service, which takes minutes.</summary>
    private const string Variable = "ORLEANSSTREAM_PACKAGE_TESTS";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    // Where this process's own .NET is: the installed program looks for one.
    private static string DotnetRoot => Path.GetFullPath(Path.Join(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));

    [Fact]
    public async Task Tool_InstalledFromAFolder_ServesProducesAndConsumes()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable(Variable) == "1", $"On demand: set {Variable}=1.");
        using var folder = new ScratchFolder();
        var packages = Directory.CreateDirectory(folder.PathOf("packages")).FullName;
        await RunAsync(folder.Path, "dotnet", "pack", Repository.PathOf("Api", "Cli"), "-c", "Release", "-v", "q", "-o", packages);
        var package = Assert.Single(Directory.GetFiles(packages, "*.nupkg"));
        using (var archive = ZipFile.OpenRead(package))
        {
            string[] files = [.. archive.Entries.Select(entry => entry.FullName)];
            Assert.Contains("README.md", files);
            Assert.Contains("tools/net10.0/any/service/OrleansStream.Api.dll", files);
            Assert.Contains("tools/net10.0/any/service/console/index.html", files);
            Assert.DoesNotContain(files, file => file.StartsWith("tools/net10.0/any/Microsoft.Orleans", StringComparison.Ordinal));
        }

        var tools = folder.PathOf("tools");
        await RunAsync(folder.Path, "dotnet", "tool", "install", "OrleansStream.Cli", "--tool-path", tools, "--add-source", packages);
        var program = Path.Join(tools, OperatingSystem.IsWindows() ? "orleansstream.exe" : "orleansstream");
        var address = $"http://127.0.0.1:{FreePort.Find()}";
        await using var service = new RunningCommand(StartOf(folder.Path, program, "serve", "--urls", address, "--data", folder.PathOf("data"), "--kafka", "off"));
        await service.UntilAsync(line => line.Contains("Listening on", StringComparison.Ordinal));

        await RunAsync(folder.Path, program, "sample", "world-cup", "--speed", "10000", "--server", address);
        var read = await RunAsync(folder.Path, program, "consume", "matches", "--server", address, "--count", "632");

        Assert.Equal(632, read.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Equal(0, await service.EndAsync(Signals.Terminate));
        await RunAsync(folder.Path, program, "verify", "--data", folder.PathOf("data"));
    }

    private static ProcessStartInfo StartOf(string folder, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["DOTNET_ROOT"] = DotnetRoot;
        return start;
    }

    private static async Task<string> RunAsync(string folder, string program, params string[] arguments)
    {
        var (code, output, errors) = await OtherProgram.RunAsync(StartOf(folder, program, arguments), Patience);
        Assert.True(code == 0, $"{program} {string.Join(' ', arguments)}: {output}{errors}");
        return output;
    }
}
