using System.Diagnostics;
using System.Reflection;

namespace OrleansStream.Tests.Infra;

/// <summary>What the Bicep CLI answered.</summary>
/// <param name="ExitCode">0 when it found no error.</param>
/// <param name="Findings">Errors and warnings, a line each; empty when there are none.</param>
internal sealed record BicepAnswer(int ExitCode, string Findings);

/// <summary>Runs the Bicep CLI that NuGet restored.</summary>
internal static class BicepCommandLine
{
    public static async Task<BicepAnswer> RunAsync(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(Locate(), arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        // Telemetry and look-ups of newer versions have no place in a test.
        start.Environment["BICEP_TRACING_ENABLED"] = "false";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = await process.StandardError.ReadToEndAsync();
        var printed = await output;
        await process.WaitForExitAsync();
        return new BicepAnswer(process.ExitCode, (errors + printed).Trim());
    }

    private static string Locate()
    {
        var path = typeof(BicepCommandLine).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(metadata => metadata.Key == "BicepCommandLine").Value!;
        Assert.True(File.Exists(path), $"The Bicep CLI is missing at {path}; dotnet restore brings it.");

        // Some extractors of packages leave the bit out.
        if (!OperatingSystem.IsWindows())
        {
            var mode = File.GetUnixFileMode(path);
            if ((mode & UnixFileMode.UserExecute) == 0)
                File.SetUnixFileMode(path, mode | UnixFileMode.UserExecute);
        }

        return path;
    }
}
