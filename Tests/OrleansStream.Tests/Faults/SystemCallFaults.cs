using System.Diagnostics;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Faults;

/// <summary>Lets system calls of a running process fail or lag, by strace, which must be installed and allowed to trace it.</summary>
internal sealed class SystemCallFaults : IAsyncDisposable
{
    private const string Syncs = "fdatasync,fsync";
    private const string Writes = "pwrite64";
    private const string Failure = ":error=EIO";
    private const string Delay = ":delay_enter=20000";
    private const string FailedMark = "(INJECTED";
    private const string DelayedMark = "DELAYED)";

    private readonly ScratchFolder _folder = new();
    private bool _syncsFail;
    private bool _diskIsSlow;
    private int _traces;
    private Process? _tracer;

    /// <summary>How many syncs have failed, as the tracer wrote it down.</summary>
    public int FailedCount => Count(FailedMark);

    /// <summary>How many writes and syncs have been held up, likewise.</summary>
    public int DelayedCount => Count(DelayedMark);

    /// <summary>True when strace is there and may trace a process.</summary>
    public static async Task<bool> TryAsync()
    {
        try
        {
            var (exitCode, _, _) = await OtherProgram.RunAsync(new ProcessStartInfo("strace", ["-f", "-e", "trace=none", "true"]));
            return exitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    /// <summary>From now on every sync of the process fails, as when a medium breaks; or does so no more.</summary>
    public Task FailSyncsAsync(int processId, bool fail)
    {
        _syncsFail = fail;
        return TraceAsync(processId);
    }

    /// <summary>From now on every write and sync of the process takes its time; or does so no more.</summary>
    public Task SlowDownAsync(int processId, bool slow)
    {
        _diskIsSlow = slow;
        return TraceAsync(processId);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _folder.Dispose();
    }

    // A call takes the last injection that names it and forgets the others, so what befalls syncs is one.
    private IEnumerable<string> Injections
    {
        get
        {
            if (_syncsFail || _diskIsSlow)
                yield return $"inject={Syncs}{(_syncsFail ? Failure : "")}{(_diskIsSlow ? Delay : "")}";
            if (_diskIsSlow)
                yield return $"inject={Writes}{Delay}";
        }
    }

    // A process has one tracer at a time.
    private async Task TraceAsync(int processId)
    {
        await StopAsync();
        string[] injections = [.. Injections];
        if (injections.Length == 0)
            return;
        var start = new ProcessStartInfo("strace",
        [
            "-f", "-qq", "-e", $"trace={Syncs},{Writes}", "-e", "signal=none", "-p", $"{processId}", "-o", _folder.PathOf($"{++_traces}"),
            .. injections.SelectMany(one => new[] { "-e", one }),
        ])
        {
            RedirectStandardError = true,
        };
        _tracer = Process.Start(start)!;
        await Wait.UntilAsync("it is traced, or has ended", () => _tracer.HasExited || IsTraced(processId));
    }

    private int Count(string mark) => Directory.EnumerateFiles(_folder.Path).Sum(trace =>
    {
        // The tracer still writes it.
        using var file = new StreamReader(File.Open(trace, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        var count = 0;
        while (file.ReadLine() is { } line)
            count += line.Contains(mark, StringComparison.Ordinal) ? 1 : 0;
        return count;
    });

    private static bool IsTraced(int processId)
    {
        try
        {
            return File.ReadLines($"/proc/{processId}/status").Any(line =>
                line.StartsWith("TracerPid:", StringComparison.Ordinal) && line["TracerPid:".Length..].Trim() != "0");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    private async Task StopAsync()
    {
        if (_tracer is null)
            return;
        if (!_tracer.HasExited)
            Signals.Send(_tracer.Id, Signals.Terminate);
        await _tracer.WaitForExitAsync();
        _tracer.Dispose();
        _tracer = null;
    }
}
