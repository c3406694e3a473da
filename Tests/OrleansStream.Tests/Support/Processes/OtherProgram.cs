using System.Diagnostics;

namespace OrleansStream.Tests.Support.Processes;

/// <summary>Runs the machine's own programs.</summary>
internal static class OtherProgram
{
    /// <summary>Runs one to its end.</summary>
    /// <param name="start">What to run.</param>
    /// <param name="input">Lines for its standard input.</param>
    public static Task<(int ExitCode, string Output, string Errors)> RunAsync(ProcessStartInfo start, params IEnumerable<string> input) =>
        RunAsync(start, Wait.Patience, input);

    /// <summary>Runs one to its end.</summary>
    /// <param name="start">What to run.</param>
    /// <param name="patience">How long it may take.</param>
    /// <param name="input">Lines for its standard input.</param>
    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(
        ProcessStartInfo start, TimeSpan patience, params IEnumerable<string> input)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        using var process = Process.Start(start)!;
        using var deadline = new CancellationTokenSource(patience);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            var errors = process.StandardError.ReadToEndAsync(deadline.Token);
            foreach (var line in input)
                await process.StandardInput.WriteLineAsync(line);
            process.StandardInput.Close();
            await process.WaitForExitAsync(deadline.Token);
            return (process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }
}
