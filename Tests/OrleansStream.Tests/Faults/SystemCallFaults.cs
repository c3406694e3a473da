using System.Diagnostics;
using OrleansStream.Tests.EndToEnd;

namespace OrleansStream.Tests.Faults;

/// <summary>Lets system calls of a running process fail or lag, by strace, which must be installed and allowed to trace it.</summary>
internal sealed class SystemCallFaults : IAsyncDisposable
{
    /// <summary>Every sync of data fails, as when a medium breaks.</summary>
    public const string FailedSync = "inject=fdatasync:error=EIO";

    /// <summary>Every write and sync takes its time.</summary>
    public const string SlowDisk = "inject=fdatasync,pwrite64:delay_enter=20000";

    private readonly List<string> _injections = [];
    private Process? _tracer;

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

    /// <summary>From now on calls of the process are hit by this too.</summary>
    public Task AddAsync(int processId, string injection)
    {
        _injections.Add(injection);
        return TraceAsync(processId);
    }

    /// <summary>They are hit by this no more.</summary>
    public Task RemoveAsync(int processId, string injection)
    {
        _injections.Remove(injection);
        return TraceAsync(processId);
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    // A process has one tracer at a time.
    private async Task TraceAsync(int processId)
    {
        await StopAsync();
        if (_injections.Count == 0)
            return;
        var start = new ProcessStartInfo("strace", ["-f", "-qq", "-p", $"{processId}", "-o", "/dev/null", .. _injections.SelectMany(one => new[] { "-e", one })])
        {
            RedirectStandardError = true,
        };
        _tracer = Process.Start(start)!;
        await Wait.UntilAsync("it is traced, or has ended", () => _tracer.HasExited || IsTraced(processId));
    }

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
