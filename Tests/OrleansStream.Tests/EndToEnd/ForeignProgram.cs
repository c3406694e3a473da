using System.Diagnostics;
using System.Text.Json.Nodes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>Programs of others, or written around those of others: what they say of our bytes was not thought up by us.</summary>
internal static class ForeignProgram
{
    /// <summary>Runs a script of <c>Foreign/</c> by Node.</summary>
    /// <param name="script">The script's file name.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="input">What it reads, a line each.</param>
    /// <returns>Its exit code, and the JSON lines that it wrote.</returns>
    public static async Task<(int ExitCode, List<JsonNode> Lines)> RunNodeAsync(
        string script, IEnumerable<string> arguments, IEnumerable<string>? input = null)
    {
        var start = new ProcessStartInfo("node", [Path.Join(AppContext.BaseDirectory, "Foreign", script), .. arguments]);
        var (exitCode, output, errors) = await RunAsync(start, input ?? []);
        Assert.True(errors.Length == 0, errors);
        return (exitCode, [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)]);
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(ProcessStartInfo start, IEnumerable<string> input)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        foreach (var line in input)
            await process.StandardInput.WriteLineAsync(line);
        process.StandardInput.Close();
        using var deadline = new CancellationTokenSource(Wait.Patience);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new TimeoutException($"{start.FileName} {string.Join(' ', start.ArgumentList)} did not end: {await output}{await errors}");
        }

        return (process.ExitCode, await output, await errors);
    }
}
