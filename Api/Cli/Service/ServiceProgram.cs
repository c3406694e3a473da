using System.Diagnostics;
using System.Runtime.InteropServices;
using OrleansStream.Cli.Calls;

namespace OrleansStream.Cli.Service;

/// <summary>The service that the tool brings along, as a process of its own: its memory, its settings and its end are its own.</summary>
internal static partial class ServiceProgram
{
    private const string Variable = "ORLEANSSTREAM_SERVICE";
    private const string Assembly = "OrleansStream.Api.dll";
    private const int Terminate = 15;

    /// <summary>Runs it until it ends. What ends this process ends it, too, and in order.</summary>
    /// <param name="arguments">The command line of the service, each argument by itself.</param>
    /// <param name="stop">Tells the service to finish its work and end; the call then waits until it has.</param>
    /// <returns>The exit code of the service.</returns>
    /// <exception cref="CallException">It is not there.</exception>
    public static async Task<int> RunAsync(IEnumerable<string> arguments, CancellationToken stop)
    {
        var start = new ProcessStartInfo(FindDotnet()) { UseShellExecute = false };
        start.ArgumentList.Add(FindAssembly());
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        // Ctrl-C at a terminal reaches both processes; a second SIGTERM to one that ends already changes nothing.
        await using var _ = stop.Register(() => Signal(process));
        await process.WaitForExitAsync(CancellationToken.None);
        return process.ExitCode;
    }

    private static void Signal(Process process)
    {
        if (process.HasExited)
            return;
        if (OperatingSystem.IsWindows())
            process.CloseMainWindow();
        else
            _ = Kill(process.Id, Terminate);
    }

    private static string FindAssembly()
    {
        var named = Environment.GetEnvironmentVariable(Variable);
        var path = string.IsNullOrEmpty(named) ? Path.Join(AppContext.BaseDirectory, "service", Assembly) : named;
        return File.Exists(path) ? path : throw new CallException(
            ExitCode.Failure, $"The service is not there: {path}.",
            $"The installed tool brings it along. In the repository, 'dotnet run --project Api' is the service; or {Variable} names its {Assembly}.");
    }

    // The one that runs this: another one may not have the service's framework.
    private static string FindDotnet()
    {
        var name = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        var own = Path.GetFullPath(Path.Join(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", name));
        return File.Exists(own) ? own : name;
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Kill(int processId, int signal);
}
