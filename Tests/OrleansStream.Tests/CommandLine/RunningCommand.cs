using System.Diagnostics;
using System.Text;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.CommandLine;

/// <summary>A run that goes on until it is told to end.</summary>
internal sealed class RunningCommand : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly Task _reading;

    /// <summary>Starts it.</summary>
    public RunningCommand(ProcessStartInfo start)
    {
        _process = Process.Start(start)!;
        _reading = ReadErrorsAsync();
    }

    /// <summary>What it has written to standard error.</summary>
    public string Errors
    {
        get
        {
            lock (_errors)
                return _errors.ToString();
        }
    }

    /// <summary>The lines of standard error that have a text.</summary>
    public int ToldCount(string text) => Errors.Split('\n').Count(line => line.Contains(text, StringComparison.Ordinal));

    /// <summary>Puts a line on its standard input.</summary>
    public async Task TypeAsync(string line)
    {
        await _process.StandardInput.WriteAsync($"{line}\n");
        await _process.StandardInput.FlushAsync();
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

        await _reading;
        throw new InvalidOperationException($"It ended: {Errors}");
    }

    /// <summary>Waits until it has written a text to standard error.</summary>
    public Task UntilToldAsync(string text) => Wait.UntilAsync($"it tells '{text}'", () => ToldCount(text) > 0);

    /// <summary>Closes its standard output, as a reader does that has had enough.</summary>
    public void CloseOutput() => _process.StandardOutput.Close();

    /// <summary>Ends its input, and waits until it has ended.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> ExitAsync()
    {
        _process.StandardInput.Close();
        return await EndedAsync();
    }

    /// <summary>Sends it a signal, and waits until it has ended.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> EndAsync(int signal)
    {
        Signals.Send(_process.Id, signal);
        return await EndedAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        await _reading;
        _process.Dispose();
    }

    private async Task<int> EndedAsync()
    {
        using var deadline = new CancellationTokenSource(Wait.Patience);
        await _process.WaitForExitAsync(deadline.Token);
        await _reading;
        return _process.ExitCode;
    }

    private async Task ReadErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_errors)
                _errors.Append(line).Append('\n');
        }
    }
}
