using System.Runtime.InteropServices;

namespace OrleansStream.Cli.Calls;

/// <summary>Ctrl-C and SIGTERM: the first asks the run to end in order, the second ends the process.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration[] _registrations;
    private int _code;

    /// <summary>Listens.</summary>
    public StopSignals() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => Take(signal, ExitCode.Interrupted)),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => Take(signal, ExitCode.Terminated)),
    ];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>What the shell is told of the signal that came; null for none.</summary>
    public int? Code => Volatile.Read(ref _code) is var code and > 0 ? code : null;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _stop.Dispose();
    }

    private void Take(PosixSignalContext signal, int code)
    {
        signal.Cancel = true;
        if (Interlocked.CompareExchange(ref _code, code, 0) != 0)
            Environment.Exit(code);
        _stop.Cancel();
    }
}
