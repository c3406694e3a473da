using System.Diagnostics;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.CommandLine;

/// <summary>A run that goes on until it is told to end.</summary>
internal sealed class RunningCommand : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;

    /// <summary>Starts it.</summary>
    public RunningCommand(ProcessStartInfo start)
    {
        _process = Process.Start(start)!;
        _errors = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>Waits for a line of its output.</summary>
    public async Task UntilAsync(Func<string, bool> isWanted)
    {
        using var deadline = new CancellationTokenSource(Wait.Patience);
        while (await _process.StandardOutput.ReadLineAsync(deadline.Token) is { } line)
        {
            if (isWanted(line))
                return;
        }

        throw new InvalidOperationException($"It ended: {await _errors}");
    }

    /// <summary>Sends it a signal, and waits until it has ended.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> EndAsync(int signal)
    {
        Signals.Send(_process.Id, signal);
        using var deadline = new CancellationTokenSource(Wait.Patience);
        await _process.WaitForExitAsync(deadline.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
