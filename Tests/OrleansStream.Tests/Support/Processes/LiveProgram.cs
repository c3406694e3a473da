using System.Diagnostics;
using System.Text;

namespace OrleansStream.Tests.Support.Processes;

/// <summary>A program of others that is talked to while it runs. It is ended when this is disposed.</summary>
internal sealed class LiveProgram : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;

    /// <summary>Starts it.</summary>
    public LiveProgram(ProcessStartInfo start)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        _process = Process.Start(start)!;
        _errors = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>Gives it a line.</summary>
    public async Task WriteLineAsync(string line)
    {
        await _process.StandardInput.WriteAsync(line.TrimEnd('\n') + '\n');
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>Waits for a line of its output.</summary>
    /// <param name="start">What the line begins with.</param>
    public async Task<string> UntilPrintedAsync(string start)
    {
        using var deadline = new CancellationTokenSource(Wait.Patience);
        while (await _process.StandardOutput.ReadLineAsync(deadline.Token) is { } line)
        {
            if (line.StartsWith(start, StringComparison.Ordinal))
                return line;
        }

        throw new InvalidOperationException($"It ended without '{start}': {await _errors}");
    }

    /// <summary>Ends its input and gives what it prints until it ends.</summary>
    public async Task<string> EndAsync()
    {
        _process.StandardInput.Close();
        using var deadline = new CancellationTokenSource(Wait.Patience);
        var output = await _process.StandardOutput.ReadToEndAsync(deadline.Token);
        await _process.WaitForExitAsync(deadline.Token);
        Assert.True(_process.ExitCode == 0, $"{await _errors}{output}");
        return output;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
