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
    public static async Task<int> RunOrleansStreamAsync(Func<IHost> build)
    {
        ArgumentNullException.ThrowIfNull(build);
        IHost host;
        try
        {
            host = build();
        }
        catch (Exception e) when (e is not HostAbortedException)
        {
            await Console.Error.WriteLineAsync(StartFailure.ExplainBuild(e));
            return FailedExitCode;
        }

        return await RunAsync(host);
    }

    /// <summary>
    /// Checks the settings, opens the storage, and runs the host until it is told to stop. Then grains finish their work under way, and the storage
    /// closes.
    /// </summary>
    private static async Task<int> RunAsync(IHost host)
    {
        try
        {
            // Checked before anything listens or logs, so that an error of the settings or the folder is the first output.
            _ = host.Services.GetRequiredService<IOptions<OrleansStreamOptions>>().Value;
            await host.Services.GetRequiredService<OpenStores>().PrepareAsync(
                isForSilo: host.Services.GetRequiredService<IClusterPart>() is SiloPart);
            await host.RunAsync();
            return 0;
        }
        catch (Exception e)
        {
            await Console.Error.WriteLineAsync(StartFailure.Explain(e) ?? e.ToString());
            return FailedExitCode;
        }
        finally
        {
            if (host is IAsyncDisposable disposable)
                await disposable.DisposeAsync();
            else
                host.Dispose();
        }
    }
}
