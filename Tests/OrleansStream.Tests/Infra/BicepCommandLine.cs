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
    /// <summary>What an operator sets before a deployment, as README.md has it.</summary>
    public static readonly IReadOnlyDictionary<string, string> OperatorsSettings = new Dictionary<string, string>
    {
        ["ORLEANSSTREAM_APPLICATION_ID"] = "11111111-2222-3333-4444-555555555555",
        ["ORLEANSSTREAM_ADMIN_PRINCIPAL_IDS"] = "aaaaaaaa-0000-0000-0000-000000000001,aaaaaaaa-0000-0000-0000-000000000002",
    };

    public static Task<BicepAnswer> RunAsync(string folder, params string[] arguments) => RunAsync(folder, OperatorsSettings, arguments);

    public static async Task<BicepAnswer> RunAsync(string folder, IReadOnlyDictionary<string, string> settings, params string[] arguments)
    {
        var start = new ProcessStartInfo(Locate(), arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        // Telemetry and look-ups of newer versions have no place in a test.
        start.Environment["BICEP_TRACING_ENABLED"] = "false";
        foreach (var (name, value) in settings)
            start.Environment[name] = value;
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
