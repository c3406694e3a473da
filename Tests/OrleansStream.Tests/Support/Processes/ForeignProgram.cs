using System.Diagnostics;

namespace OrleansStream.Tests.Support.Processes;

/// <summary>Runs the Node programs of the Foreign folder.</summary>
internal static class ForeignProgram
{
    private static readonly TimeSpan RunTimeMax = TimeSpan.FromSeconds(60);

    /// <summary>Runs one to its end.</summary>
    /// <param name="script">Its file's name.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="input">Lines for its standard input.</param>
    /// <returns>Its exit code, and the lines it wrote to standard output.</returns>
    public static async Task<(int ExitCode, string[] Lines)> RunAsync(string script, string[] arguments, params string[] input)
    {
        var start = new ProcessStartInfo("node", [Path.Combine(AppContext.BaseDirectory, "Foreign", script), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException("There is no node to start.");
        using var timeout = new CancellationTokenSource(RunTimeMax, TimeProvider.System);
        try
        {
            // All three at once: a pipe that nobody empties stops the program.
            var output = process.StandardOutput.ReadToEndAsync(timeout.Token);
            var error = process.StandardError.ReadToEndAsync(timeout.Token);
            foreach (var line in input)
                await process.StandardInput.WriteLineAsync(line.AsMemory(), timeout.Token);
            process.StandardInput.Close();
            var errors = await error;
            var lines = (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            await process.WaitForExitAsync(timeout.Token);
            Assert.True(errors.Length == 0, errors);
            return (process.ExitCode, lines);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}
