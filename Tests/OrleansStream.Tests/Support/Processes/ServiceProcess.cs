using System.Diagnostics;
using System.Net;
using OrleansStream.Tests.Support.Secrets;

namespace OrleansStream.Tests.Support.Processes;

/// <summary>The real service: <c>dotnet OrleansStream.Api.dll</c> on a folder and a port of its own.</summary>
internal sealed class ServiceProcess : IAsyncDisposable
{
    // A folder that takes the output of every process, each line with its time: what a failure that takes minutes to come about needs.
    private const string LogsVariable = "ORLEANSSTREAM_TEST_LOGS";

    // Several processes that start at once on a busy machine hold each other up.
    private static readonly TimeSpan StartPatience = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(5);

    private readonly Process _process;
    private readonly List<string> _output = [];
    private readonly List<string> _errors = [];
    private readonly string? _logPath;
    private bool _isDisposed;

    private ServiceProcess(ProcessStartInfo start, Uri address)
    {
        Address = address;
        if (Environment.GetEnvironmentVariable(LogsVariable) is { Length: > 0 } folder)
            _logPath = Path.Join(folder, $"{TimeProvider.System.GetUtcNow():HHmmss}-{address.Port}.log");
        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.OutputDataReceived += (_, line) => Add(_output, line.Data);
        _process.ErrorDataReceived += (_, line) => Add(_errors, line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Where it serves.</summary>
    public Uri Address { get; }

    public int ProcessId => _process.Id;

    public bool HasExited => _isDisposed || _process.HasExited;

    /// <summary>True while a signal has it stopped where it is.</summary>
    public bool IsSuspended => File.ReadLines($"/proc/{ProcessId}/status").Any(line => line.StartsWith("State:\tT", StringComparison.Ordinal));

    /// <summary>What it wrote to standard error, a line each.</summary>
    public IReadOnlyList<string> Errors => Copy(_errors);

    /// <summary>What it wrote to standard output, a line each.</summary>
    public IReadOnlyList<string> Output => Copy(_output);

    /// <summary>The count of its threads, as the system has it.</summary>
    public int ThreadCount => int.Parse(
        File.ReadLines($"/proc/{ProcessId}/status").First(line => line.StartsWith("Threads:", StringComparison.Ordinal))["Threads:".Length..]);

    /// <summary>The memory that it holds, in bytes, as the system has it.</summary>
    public long MemoryBytes => 1024 * long.Parse(
        File.ReadLines($"/proc/{ProcessId}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal))["VmRSS:".Length..^"kB".Length]);

    /// <summary>The count of its open files and sockets.</summary>
    public int HandleCount => Directory.EnumerateFileSystemEntries($"/proc/{ProcessId}/fd").Count();

    /// <summary>Starts it and waits until it serves.</summary>
    /// <param name="dataFolder">Its data folder; null leaves the default.</param>
    /// <param name="port">Its port; null for a free one.</param>
    /// <param name="workingFolder">Where it is started.</param>
    /// <param name="settings">Further environment.</param>
    public static async Task<ServiceProcess> StartAsync(
        string? dataFolder, int? port = null, string? workingFolder = null, params (string Key, string Value)[] settings)
    {
        var service = Launch(dataFolder, port, workingFolder, settings);
        await service.WaitUntilReadyAsync();
        return service;
    }

    /// <summary>Starts it as the README does, by <c>dotnet run</c>, and waits until it serves; only the build is left out.</summary>
    /// <param name="port">Its port.</param>
    /// <param name="workingFolder">Where the command is given.</param>
    public static async Task<ServiceProcess> RunProjectAsync(int port, string workingFolder)
    {
        var address = new Uri($"http://localhost:{port}");
        var service = new ServiceProcess(
            new ProcessStartInfo("dotnet")
            {
                ArgumentList =
                {
                    "run", "--project", Repository.PathOf("Api"), "-c", Repository.Configuration, "--no-build",
                    "--", "--urls", address.GetLeftPart(UriPartial.Authority),
                },
                WorkingDirectory = workingFolder,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
            address);
        await service.WaitUntilReadyAsync();
        return service;
    }

    /// <summary>Starts it, and waits for nothing.</summary>
    /// <inheritdoc cref="StartAsync"/>
    public static ServiceProcess Launch(
        string? dataFolder, int? port = null, string? workingFolder = null, params (string Key, string Value)[] settings)
    {
        if (dataFolder is not null)
            settings = [("OrleansStream__Storage__Files__Directory", dataFolder), .. settings];
        return Launch(Repository.ServiceAssembly, port ?? FreePort.Find(), workingFolder, settings);
    }

    /// <summary>Starts a process of a cluster, and waits for nothing.</summary>
    /// <param name="assembly">The silo's or the Api's.</param>
    /// <param name="port">Its HTTP port.</param>
    /// <param name="settings">Its environment.</param>
    public static ServiceProcess LaunchNode(string assembly, int port, params (string Key, string Value)[] settings) =>
        Launch(assembly, port, workingFolder: null, settings);

    /// <summary>A client of its own.</summary>
    public ServiceClient Connect() => new(Address);

    /// <summary>Kills it with SIGKILL, and what it started, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
    }

    /// <summary>Sends it a signal.</summary>
    public void Signal(int signal) => Signals.Send(ProcessId, signal);

    /// <summary>Waits until it has ended by itself.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> WaitForExitAsync()
    {
        using var deadline = new CancellationTokenSource(Wait.Patience);
        try
        {
            await _process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"The service still runs. {Tail()}");
        }

        return _process.ExitCode;
    }

    /// <summary>Stops it as Ctrl-C does not, but a service's host: SIGTERM.</summary>
    /// <returns>Its exit code.</returns>
    public Task<int> StopAsync()
    {
        Signal(Signals.Terminate);
        return WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
            return;
        await KillAsync();
        _isDisposed = true;
        _process.Dispose();
    }

    /// <summary>Whether it says that it is ready; false when it does not answer, or has ended.</summary>
    public async Task<bool> IsReadyAsync()
    {
        using var http = new HttpClient { BaseAddress = Address, Timeout = AnswerPatience };
        return !HasExited && await AnswersReadyAsync(http);
    }

    /// <summary>What it says of its readiness, and what it wrote last.</summary>
    public async Task<string> DescribeAsync()
    {
        using var http = new HttpClient { BaseAddress = Address, Timeout = AnswerPatience };
        string answer;
        try
        {
            answer = HasExited ? "has ended" : await http.GetStringAsync(new Uri("/health/ready", UriKind.Relative));
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException)
        {
            answer = exception.Message;
        }

        return $"{Address}: {answer}\n{Tail()}";
    }

    /// <summary>Waits until it serves; when it does not, it is gone.</summary>
    public async Task WaitUntilReadyAsync()
    {
        using var http = new HttpClient { BaseAddress = Address, Timeout = AnswerPatience };
        try
        {
            await Wait.UntilAsync($"{Address} is ready", () => IsReadyAsync(http), StartPatience);
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it to listen somewhere else than on loopback, and waits for nothing.</summary>
    /// <param name="dataFolder">Its data folder.</param>
    /// <param name="port">The port that it is called at, on loopback.</param>
    /// <param name="urls">Where it is told to listen; null to leave that to its environment.</param>
    /// <param name="settings">Further environment.</param>
    public static ServiceProcess LaunchListening(string dataFolder, int port, string? urls, params (string Key, string Value)[] settings) => Launch(
        Repository.ServiceAssembly, port, workingFolder: null, [("OrleansStream__Storage__Files__Directory", dataFolder), .. settings],
        urls is null ? [] : ["--urls", urls]);

    private static ServiceProcess Launch(
        string assembly, int port, string? workingFolder, (string Key, string Value)[] settings, string[]? arguments = null)
    {
        var address = new Uri($"http://127.0.0.1:{port}");
        var start = new ProcessStartInfo("dotnet")
        {
            ArgumentList = { assembly },
            WorkingDirectory = workingFolder ?? Path.GetTempPath(),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in arguments ?? ["--urls", address.GetLeftPart(UriPartial.Authority)])
            start.ArgumentList.Add(argument);
        foreach (var (key, value) in settings)
            start.Environment[key] = value;
        return new ServiceProcess(start, address);
    }

    private async Task<bool> IsReadyAsync(HttpClient http)
    {
        if (_process.HasExited)
            throw new InvalidOperationException($"The service ended with {_process.ExitCode}. {Tail()}");
        return await AnswersReadyAsync(http);
    }

    private static async Task<bool> AnswersReadyAsync(HttpClient http)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri("/health/ready", UriKind.Relative));
            return answer.StatusCode == HttpStatusCode.OK;
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }

    private string Tail() => string.Join('\n', Output.TakeLast(20).Concat(Errors.TakeLast(20)));

    private void Add(List<string> lines, string? line)
    {
        if (line is null)
            return;
        SecretWatch.Run.See("output", line);
        lock (lines)
            lines.Add(line);
        if (_logPath is null)
            return;
        lock (_logPath)
            File.AppendAllText(_logPath, $"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} {line}\n");
    }

    private static List<string> Copy(List<string> lines)
    {
        lock (lines)
            return [.. lines];
    }
}
