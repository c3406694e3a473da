using System.Diagnostics;
using System.IO.Compression;
using System.Text.RegularExpressions;

namespace OrleansStream.AspireTests;

/// <summary>The packages as users install them: what is in them, and which others they name.</summary>
public sealed partial class PackageTests
{
    /// <summary>Set to 1 to run it: packing builds both in a folder of its own.</summary>
    private const string Variable = "ORLEANSSTREAM_PACKAGE_TESTS";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    [Theory]
    [InlineData("Aspire.Client", "OpenTelemetry.Extensions.Hosting OrleansStream.Client", "net10.0 net8.0")]
    [InlineData("Aspire.Hosting", "Aspire.Hosting", "net8.0")]
    public async Task Package_HasItsAssembliesAndNamesWhatItUses(string project, string dependencies, string frameworks)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable(Variable) == "1", $"On demand: set {Variable}=1.");
        var folder = Directory.CreateTempSubdirectory("orleansstream-pack-");
        try
        {
            await PackAsync(project, folder.FullName);
            using var archive = ZipFile.OpenRead(Assert.Single(Directory.GetFiles(folder.FullName, $"OrleansStream.{project}.*.nupkg")));

            string[] files = [.. archive.Entries.Select(entry => entry.FullName)];
            Assert.Contains("README.md", files);
            Assert.Equal(
                frameworks.Split(' ').Select(framework => $"lib/{framework}/OrleansStream.{project}.dll"),
                files.Where(file => file.EndsWith(".dll", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
            using var description = new StreamReader(archive.Entries.Single(entry => entry.FullName.EndsWith(".nuspec", StringComparison.Ordinal)).Open());
            var text = await description.ReadToEndAsync(TestContext.Current.CancellationToken);
            var named = Dependency().Matches(text).Select(match => match.Groups[1].Value);
            Assert.Equal(dependencies.Split(' '), named.Distinct().Order(StringComparer.Ordinal));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // Beside the outputs of the build, which other tests use at the same time.
    private static async Task PackAsync(string project, string folder)
    {
        string[] arguments =
        [
            "pack", Path.Join(Built.Root, "Api", "Client", project), "-c", "Release", "-v", "q", "--artifacts-path", Path.Join(folder, "artifacts"),
            "-o", folder,
        ];
        using var process = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true })!;
        using var patience = new CancellationTokenSource(Patience, TimeProvider.System);
        try
        {
            var output = await process.StandardOutput.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            Assert.True(process.ExitCode == 0, output);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    [GeneratedRegex("<dependency id=\"([^\"]+)\"")]
    private static partial Regex Dependency();
}
