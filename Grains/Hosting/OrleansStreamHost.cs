using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace OrleansStream.Hosting;

/// <summary>Runs a host of the service from its first check to its exit code.</summary>
public static class OrleansStreamHost
{
    /// <summary>The process's arguments, below them that no settings file is watched; an argument of its own still wins.</summary>
    /// <param name="args">The process's arguments.</param>
    /// <remarks>
    /// Settings are read once. What would watch their files watches all that is below the folder the process is started in, and that is
    /// where the data is: each append would be told to it.
    /// </remarks>
    public static string[] WithoutFileWatching(string[] args) => ["--hostBuilder:reloadConfigOnChange=false", .. args];

    /// <summary>
    /// Checks the settings, opens the storage, and runs the host until it is told to stop; then grains finish what they
    /// have taken on, and the storage closes.
    /// </summary>
    /// <param name="host">The host, with a silo or a client added.</param>
    /// <returns>The process's exit code: 0 after a stop, 1 when it could not start or broke. The reason is then on the
    /// error output: one line where the operator can correct it, else all that is known.</returns>
    public static async Task<int> RunOrleansStreamAsync(this IHost host)
    {
        ArgumentNullException.ThrowIfNull(host);
        try
        {
            // Before anything listens or logs: what is wrong with the settings or the folder is the first thing to be read.
            _ = host.Services.GetRequiredService<IOptions<OrleansStreamOptions>>().Value;
            await host.Services.GetRequiredService<OpenStores>().PrepareAsync(
                isForSilo: host.Services.GetRequiredService<IClusterPart>() is SiloPart);
            await host.RunAsync();
            return 0;
        }
        catch (Exception e)
        {
            await Console.Error.WriteLineAsync(StartFailure.Explain(e) ?? e.ToString());
            return 1;
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
