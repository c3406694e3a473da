using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>The one command that starts a whole cluster on this machine, and the README's walk-through against each of its Api nodes.</summary>
[Collection(EndToEndCollection.Name)]
public sealed partial class LocalClusterTests
{
    private const int SiloCount = 3;
    private const int ApiCount = 2;

    // The cluster's own six processes make about half of this while they start.
    private const double LoadPerProcessorMax = 4;

    // Azurite, and the three ports of each of nine silos at most: as the script has them.
    private const int InnerPortCount = 1 + (3 * 9);

    // All that is built before: what is promised on a machine that has nothing else to do, and what is waited for on one that has.
    private static readonly TimeSpan StartMax = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan StartPatience = TimeSpan.FromMinutes(4);

    [Fact]
    public async Task LocalCluster_WhenStarted_ServesTheWalkThroughAtEitherApi_AndStopsAllOfItByCtrlC()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The walk-through is for a POSIX shell.");
        using var folder = new ScratchFolder();
        WalkThrough.Prepare(folder);
        var inner = FreePort.FindRow(InnerPortCount);
        var api = FreePort.FindRow(ApiCount);
        using var script = Start(inner, api, folder.PathOf("cluster"));
        try
        {
            string[] origins = [.. Enumerable.Range(api, ApiCount).Select(port => $"http://localhost:{port}")];
            var started = Stopwatch.GetTimestamp();
            var key = await WaitUntilReadyAsync(script, origins);
            AssertIsInTime(Stopwatch.GetElapsedTime(started));
            await File.WriteAllTextAsync(folder.PathOf(".curlrc"), $"header = \"Authorization: Bearer {key}\"\n", TestContext.Current.CancellationToken);
            foreach (var origin in origins)
            {
                await WalkAsync(origin, folder);
                using var client = new ServiceClient(new Uri(origin));
                (await client.SendAsync(HttpMethod.Delete, "/v1/topics/matches")).Expect(HttpStatusCode.Unauthorized);
                client.SignIn(key);
                (await client.SendAsync(HttpMethod.Delete, "/v1/topics/matches")).Expect(HttpStatusCode.NoContent);
            }
        }
        finally
        {
            // One that has ended by itself has said why, and that is what is to be told.
            if (!script.HasExited)
                Signals.Send(script.Id, Signals.Interrupt);
            await script.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal(0, script.ExitCode);
        // Nothing of it is left.
        Assert.All([.. Enumerable.Range(inner, 1 + SiloCount), .. Enumerable.Range(api, ApiCount)], port => Assert.True(FreePort.IsFree(port)));
    }

    private static void AssertIsInTime(TimeSpan took)
    {
        var load = MachineLoad();
        TestContext.Current.TestOutputHelper!.WriteLine($"The cluster was ready after {took.TotalSeconds:F1} s, at a load of {load:F1}.");
        Assert.True(took < StartMax || load > LoadPerProcessorMax * Environment.ProcessorCount, $"It took {took.TotalSeconds:F1} s, at a load of {load:F1}.");
    }

    // What the system counts as running or waiting for a processor, over the last minute.
    private static double MachineLoad() => OperatingSystem.IsLinux()
        ? double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture)
        : double.PositiveInfinity;

    // All of it but starting the service, killing it, and what comes after, which is the same as before.
    private static async Task WalkAsync(string origin, ScratchFolder folder)
    {
        var outputs = new List<(string Line, string Output)>();
        foreach (var line in WalkThrough.Lines().Where(line => line != WalkThrough.ServeCommand && !WalkThrough.IsKill(line)))
            outputs.Add((line, await WalkThrough.RunAsync(line, origin, folder)));
        WalkThrough.AssertTellsTheMatch(outputs, tailCount: 2);
    }

    private static Process Start(int innerPort, int apiPort, string data) => Process.Start(new ProcessStartInfo("node")
    {
        ArgumentList =
        {
            Repository.PathOf("infra", "local-cluster.mjs"), "--silos", $"{SiloCount}", "--apis", $"{ApiCount}", "--api-port", $"{apiPort}",
            "--inner-port", $"{innerPort}", "--data", data, "--no-build", "--configuration", Repository.Configuration,
        },
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    /// <returns>The key that the script prints.</returns>
    private static async Task<string> WaitUntilReadyAsync(Process script, string[] origins)
    {
        var said = new List<string>();
        void Add(object sender, DataReceivedEventArgs line)
        {
            lock (said)
                said.Add(line.Data ?? "");
        }

        script.OutputDataReceived += Add;
        script.ErrorDataReceived += Add;
        script.BeginOutputReadLine();
        script.BeginErrorReadLine();
        await Wait.UntilAsync(
            "the cluster is ready",
            () =>
            {
                lock (said)
                {
                    Assert.False(script.HasExited, string.Join('\n', said));
                    return Task.FromResult(said.Exists(line => Key().IsMatch(line)) && origins.All(origin => said.Exists(line => line.Contains(
                        origin.Replace("localhost", "127.0.0.1", StringComparison.Ordinal), StringComparison.Ordinal))));
                }
            },
            StartPatience);
        lock (said)
            return said.Select(line => Key().Match(line)).First(match => match.Success).Value;
    }

    [GeneratedRegex("os_[a-z]+_[0-9a-f]{64}")]
    private static partial Regex Key();
}
