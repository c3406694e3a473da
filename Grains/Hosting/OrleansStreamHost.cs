using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace OrleansStream.Hosting;

/// <summary>Runs a host of the service from its first check to its exit code.</summary>
public static class OrleansStreamHost
{
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
            await host.Services.GetRequiredService<OpenStores>().PrepareAsync();
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
