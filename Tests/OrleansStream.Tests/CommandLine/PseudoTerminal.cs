using System.Diagnostics;
using System.Text;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.CommandLine;

/// <summary>A program at a terminal of its own: what it draws is read, and what is typed reaches it as from a keyboard, Ctrl-C as a signal.</summary>
internal sealed class PseudoTerminal : IAsyncDisposable
{
    /// <summary>What Ctrl-C types.</summary>
    public const string ControlC = "\u0003";

    /// <summary>What Ctrl-D types.</summary>
    public const string ControlD = "\u0004";

    private readonly FileStream _terminal;
    private readonly int _processId;
    private readonly StringBuilder _shown = new();
    private readonly Task _reading;
    private int? _exitCode;

    /// <summary>Starts a program.</summary>
    /// <param name="start">What to run; its streams are the terminal.</param>
    public PseudoTerminal(ProcessStartInfo start)
    {
        var (terminal, processId) = TerminalCalls.Start(start);
        _terminal = new FileStream(terminal, FileAccess.ReadWrite, bufferSize: 0);
        _processId = processId;
        _reading = Task.Factory.StartNew(ReadAll, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>All that it has shown.</summary>
    public string Shown
    {
        get
        {
            lock (_shown)
                return _shown.ToString();
        }
    }

    /// <summary>Why there are no pseudo-terminals here; null where there are.</summary>
    public static string? Missing => OperatingSystem.IsLinux() ? null : "The numbers of the system calls are Linux's.";

    /// <summary>Types.</summary>
    public void Type(string keys) => _terminal.Write(Encoding.UTF8.GetBytes(keys));

    /// <summary>Waits until it has shown something.</summary>
    public Task UntilShownAsync(string text) => UntilAsync($"it shows '{text}'", () => Shown.Contains(text, StringComparison.Ordinal));

    /// <summary>Waits for what it shows.</summary>
    public async Task UntilAsync(string what, Func<bool> condition)
    {
        try
        {
            await Wait.UntilAsync(what, condition);
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException($"{exception.Message} It shows: {Shown}", exception);
        }
    }

    /// <summary>Waits until it has ended, and all is read that it has shown.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> ExitAsync()
    {
        await UntilAsync("it has ended", HasExited);
        await _reading.WaitAsync(Wait.Patience);
        return _exitCode!.Value;
    }

    public async ValueTask DisposeAsync()
    {
        if (!HasExited())
            TerminalCalls.End(_processId);
        await Wait.UntilAsync("it has ended", HasExited);
        await _reading.WaitAsync(Wait.Patience);
        await _terminal.DisposeAsync();
    }

    private bool HasExited()
    {
        _exitCode ??= TerminalCalls.ExitCodeOf(_processId);
        return _exitCode is not null;
    }

    private void ReadAll()
    {
        var bytes = new byte[4096];
        var decoder = Encoding.UTF8.GetDecoder();
        var chars = new char[Encoding.UTF8.GetMaxCharCount(bytes.Length)];
        while (true)
        {
            int read;
            try
            {
                read = _terminal.Read(bytes);
            }
            catch (IOException)
            {
                // Nobody has the other end open any more.
                return;
            }

            if (read == 0)
                return;
            lock (_shown)
                _shown.Append(chars, 0, decoder.GetChars(bytes, 0, read, chars, 0));
        }
    }
}
