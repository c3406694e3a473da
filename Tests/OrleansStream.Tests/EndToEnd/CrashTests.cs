using System.Diagnostics;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>The real process is killed while clients write, read and watch (invariants I2 to I5, I7, I8).</summary>
[Collection(EndToEndCollection.Name)]
public sealed class CrashTests
{
    private const string Topic = "crash";
    private const int PartitionCount = 6;
    private const int KillCount = 20;
    private const int AckedBeforeKillMax = 1_500;
    private const int DelayMsMax = 150;

    [Fact]
    public async Task Kill_WhenClientsWriteAtRandomMoments_LosesDoublesAndReordersNothing()
    {
        using var folder = new ScratchFolder();
        var started = Stopwatch.GetTimestamp();
        var random = new Random(TestSeed.Value);
        var history = new RequestHistory();
        await using var load = new CrashLoad(Topic, PartitionCount, history, TestSeed.Value);
        load.Start();
        for (var kill = 0; kill < KillCount; kill++)
        {
            await using var service = await ServiceProcess.StartAsync(folder.PathOf("data"));
            if (kill == 0)
                await CreateTopicAsync(service);
            var target = load.AckedRecords + random.Next(1, AckedBeforeKillMax);
            load.Resume(service.Address);
            await Wait.UntilAsync($"{target} records are acknowledged", () => load.AckedRecords >= target);
            await Wait.ForAsync(TimeSpan.FromMilliseconds(random.Next(DelayMsMax)));
            load.Pause();
            await service.KillAsync();
        }

        await load.StopAsync();
        var (acked, unknown, failed) = (
            history.Count(SendingOutcome.Acked), history.Count(SendingOutcome.Unknown), history.Count(SendingOutcome.Failed));
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{KillCount} kills in {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s: {acked} records acknowledged, {unknown} unknown, {failed} failed");
        Assert.True(acked > KillCount && unknown > 0, "The load was too thin to show anything.");
        var findings = await FindAsync(folder, history);
        Assert.True(
            findings.Count == 0, $"Seed {TestSeed.Value}: {findings.Count} findings.\n{string.Join('\n', findings.Take(20))}");
    }

    private static async Task CreateTopicAsync(ServiceProcess service)
    {
        using var client = service.Connect();
        await client.CreateTopicAsync(Topic, PartitionCount);
    }

    private static async Task<IReadOnlyList<string>> FindAsync(ScratchFolder folder, RequestHistory history)
    {
        await using var service = await ServiceProcess.StartAsync(folder.PathOf("data"));
        using var client = service.Connect();
        var log = await client.ReadTopicAsync(Topic, PartitionCount);
        return history.Check([.. log.Select(
            records => (IReadOnlyList<(long, Sending)>)[.. records.Select(record => (record.Offset, CrashLoad.IdOf(record)))])]);
    }
}
