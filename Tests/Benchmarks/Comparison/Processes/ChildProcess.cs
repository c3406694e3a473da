using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace OrleansStream.Comparison.Processes;

/// <summary>A process that the runner started, on a folder and a port of its own; disposing it kills that process alone.</summary>
internal sealed class ChildProcess : IDisposable
{
    private static readonly TimeSpan ReadyMax = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan PollTime = TimeSpan.FromMilliseconds(5);
    private static readonly HashSet<ChildProcess> Running = [];
    private readonly Process _process;
    private readonly Queue<string> _lastLines = new();
    private readonly Action<string>? _onLine;

    // A run that is broken off must not leave servers behind.
    static ChildProcess() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        lock (Running)
        {
            foreach (var child in Running)
                child.Kill();
        }
    };

    private ChildProcess(ProcessStartInfo start, Action<string>? onLine)
    {
        _onLine = onLine;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Note(line.Data);
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        lock (Running)
            Running.Add(this);
    }

    /// <summary>True while it runs.</summary>
    public bool IsRunning => !_process.HasExited;

    /// <summary>Its id.</summary>
    public int Id => _process.Id;

    /// <summary>The processor time it has used.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>The memory it holds, in bytes (its resident set).</summary>
    public long ResidentBytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>Starts a program.</summary>
    /// <param name="program">Its file, or its name on the PATH.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Further environment.</param>
    /// <param name="onLine">Sees each line it writes.</param>
    public static ChildProcess Start(
        string program, IEnumerable<string> arguments, IEnumerable<(string Key, string Value)>? environment = null,
        Action<string>? onLine = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        foreach (var (key, value) in environment ?? [])
            start.Environment[key] = value;
        return new ChildProcess(start, onLine);
    }

    /// <summary>The program's file on the PATH; null when there is none.</summary>
    /// <param name="name">Its name.</param>
    public static string? Find(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator)
        .Append("/usr/sbin")
        .Select(folder => Path.Join(folder, name))
        .FirstOrDefault(File.Exists);

    /// <summary>A port of the loopback that nobody has.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Waits until something holds.</summary>
    /// <param name="what">What, for the error.</param>
    /// <param name="condition">Whether it does.</param>
    /// <exception cref="TimeoutException">It did not within a minute.</exception>
    /// <exception cref="InvalidOperationException">The process has ended.</exception>
    public async Task WaitUntilAsync(string what, Func<Task<bool>> condition)
    {
        var began = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            if (_process.HasExited)
                throw new InvalidOperationException($"{what}: the process ended with {_process.ExitCode}. {Tail()}");
            if (Stopwatch.GetElapsedTime(began) > ReadyMax)
                throw new TimeoutException($"{what}: not within {ReadyMax.TotalSeconds:F0} s. {Tail()}");
            await Task.Delay(PollTime, TimeProvider.System);
        }
    }

    /// <summary>Waits until it listens on a port.</summary>
    /// <param name="port">The port.</param>
    public Task WaitUntilListeningAsync(int port) => WaitUntilAsync($"Listening on {port}", () =>
    {
        try
        {
            using var client = new TcpClient();
            client.Connect(IPAddress.Loopback, port);
            return Task.FromResult(true);
        }
        catch (SocketException)
        {
            return Task.FromResult(false);
        }
    });

    /// <summary>Kills it, as kill -9 does, and waits until it is gone.</summary>
    public void Kill()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (Running)
            Running.Remove(this);
        Kill();
        _process.Dispose();
    }

    private void Note(string? line)
    {
        if (line is null)
            return;
        _onLine?.Invoke(line);
        lock (_lastLines)
        {
            _lastLines.Enqueue(line);
            if (_lastLines.Count > 20)
                _lastLines.Dequeue();
        }
    }

    private string Tail()
    {
        lock (_lastLines)
            return string.Join('\n', _lastLines);
    }
}
