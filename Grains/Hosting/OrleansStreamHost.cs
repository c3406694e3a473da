using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace OrleansStream.Hosting;

/// <summary>Runs a host of the service, from the check of its settings to its exit code.</summary>
public static class OrleansStreamHost
{
    private const int FailedExitCode = 1;

    /// <summary>
    /// Returns the process's arguments, preceded by one that turns off the watching of settings files. The process's own arguments take precedence.
    /// </summary>
    /// <param name="args">The process's arguments.</param>
    /// <remarks>
    /// Settings are read once. A watcher of their files watches everything below the folder in which the process is started. The data is there, so
    /// each append would notify the watcher.
    /// </remarks>
    public static string[] WithoutFileWatching(string[] args) => ["--hostBuilder:reloadConfigOnChange=false", .. args];

    /// <summary>Builds a host and runs it. No failure of the service leaves this method as an exception.</summary>
    /// <param name="build">Puts the host together from the process's settings, with a silo or a client added.</param>
    /// <returns>
    /// The process's exit code: 0 after a stop, 1 when it could not start or broke. The reason is then on the error output: one line where the
    /// operator can correct it, and when the host cannot be put together; else all that is known.
    /// </returns>
    public static Task<int> RunOrleansStreamAsync(Func<IHost> build) => RunOrleansStreamAsync(build, Console.Error);

    /// <summary>Builds a host and runs it.</summary>
    /// <param name="build">Puts the host together.</param>
    /// <param name="error">Takes the reason of a failure, and behind it that of a failure while the host is disposed of.</param>
    /// <returns>The process's exit code.</returns>
    internal static async Task<int> RunOrleansStreamAsync(Func<IHost> build, TextWriter error)
    {
        ArgumentNullException.ThrowIfNull(build);
        IHost host;
        try
        {
            host = build();
        }
        catch (Exception e) when (e is not HostAbortedException)
        {
            await error.WriteLineAsync(StartFailure.ExplainBuild(e));
            return FailedExitCode;
        }

        // Disposed of here and not by the host's own RunAsync: a failure while it is disposed of would take the place of what ended the run.
        var hasRun = await TryAsync(() => RunAsync(host), error);
        var isDisposed = await TryAsync(() => DisposeAsync(host), error);
        return hasRun && isDisposed ? 0 : FailedExitCode;
    }

    /// <summary>
    /// Checks the settings, opens the storage, and runs the host until it is told to stop. Then grains finish their work under way.
    /// </summary>
    private static async Task RunAsync(IHost host)
    {
        // Checked before anything listens or logs, so that an error of the settings or the folder is the first output.
        _ = host.Services.GetRequiredService<IOptions<OrleansStreamOptions>>().Value;
        await host.Services.GetRequiredService<OpenStores>().PrepareAsync(
            isForSilo: host.Services.GetRequiredService<IClusterPart>() is SiloPart);
        await host.StartAsync();
        await host.WaitForShutdownAsync();
    }

    /// <summary>Closes what the host has opened, the storage among it.</summary>
    private static async Task DisposeAsync(IHost host)
    {
        if (host is IAsyncDisposable disposable)
            await disposable.DisposeAsync();
        else
            host.Dispose();
    }

    private static async Task<bool> TryAsync(Func<Task> work, TextWriter error)
    {
        try
        {
            await work();
            return true;
        }
        catch (Exception e)
        {
            await error.WriteLineAsync(StartFailure.Explain(e) ?? e.ToString());
            return false;
        }
    }
}
