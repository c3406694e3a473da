using System.Diagnostics;
using System.Text.Json.Nodes;
using OrleansStream.Maintenance.Verification;
using OrleansStream.Partitions;
using OrleansStream.Storage.Files;
using OrleansStream.Tests.History;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Loads;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Faults;

/// <summary>
/// One process on a data folder meets faults in pairs, chosen by a seed, while clients go on; then it is killed, healed and
/// started again, and everything that anybody saw is judged, by the API and by the bytes in the folder.
/// </summary>
public sealed class FolderFaultTests
{
    private const int FewSeeds = 3;
    private const int PartitionCount = 3;
    private const int AckedMin = 200;

    // Seconds on a machine that has nothing else to do; this bound is for one that has.
    private static readonly TimeSpan HealingMax = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(2);

    [Fact]
    public async Task Folder_WhenFaultsComeInPairs_KeepsEveryPromise()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals and what makes the faults are Linux's.");
        await using var volume = await SmallVolume.MountAsync();
        var known = await FindKnownAsync(volume);
        Write($"faults: {string.Join(", ", known)}");
        var (count, tally) = (0, new FaultTally());
        foreach (var seed in FaultSettings.Seeds(FewSeeds))
        {
            var started = Stopwatch.GetTimestamp();
            var random = new Random(seed);
            var faults = random.GetItems(known, 2).Distinct().ToArray();
            Write($"seed {seed}: {string.Join(" and ", faults)}");
            var (story, findings) = await RunAsync(volume, faults, random, seed, tally);
            Assert.True(findings.Count == 0, $"seed {seed}, {story}: {findings.Count} findings.\n{string.Join('\n', findings.Take(20))}\n"
                + $"Again: {FaultSettings.Again(seed, GetType())}");
            // The volume is small, and the next seed needs the room.
            Directory.Delete(Path.Join(volume.Path, TopicOf(seed)), recursive: true);
            count++;
            Write($"seed {seed} green after {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s: {story}");
        }

        Write($"{tally}");
        Assert.True(tally.Idle.Count == 0, $"Faults that do nothing: {string.Join(", ", tally.Idle)}.");
        Write($"{count} seeds green");
    }

    private static string TopicOf(int seed) => $"seed-{seed}";

    // What this machine does not allow is left out, and the test says which are left.
    private static async Task<FolderFault[]> FindKnownAsync(SmallVolume volume)
    {
        var canTrace = await SystemCallFaults.TryAsync();
        return [.. Enum.GetValues<FolderFault>().Where(fault => fault switch
        {
            FolderFault.FailedSync or FolderFault.SlowDisk => canTrace,
            FolderFault.FullDisk => volume.CanBeFilled,
            FolderFault.ClockAhead or FolderFault.ClockBack => FakeClock.IsAvailable,
            _ => true,
        })];
    }

    private static async Task<(string Story, List<string> Findings)> RunAsync(
        SmallVolume volume, FolderFault[] faults, Random random, int seed, FaultTally tally)
    {
        var topic = TopicOf(seed);
        var data = Path.Join(volume.Path, topic);
        var history = new CallHistory();
        var clock = new FakeClock(volume.PathBeside($"clock-{seed}"));
        clock.Set(TimeSpan.Zero);
        await using var load = new CrashLoad(topic, PartitionCount, history, seed);
        await using var folder = new FaultyFolder(volume, data, clock, load, random);
        try
        {
            return await RunAsync(folder, load, history, faults, random, topic, data);
        }
        catch
        {
            Write($"The service said:\n{string.Join('\n', folder.Complaints)}");
            throw;
        }
        finally
        {
            Array.ForEach(faults, fault => tally.Add($"{fault}", folder.EvidenceOf(fault) is not null));
        }
    }

    private static async Task<(string Story, List<string> Findings)> RunAsync(
        FaultyFolder folder, CrashLoad load, CallHistory history, FolderFault[] faults, Random random, string topic, string data)
    {
        await folder.StartAsync();
        using (var client = folder.Service.Connect())
            await client.CreateTopicAsync(topic, PartitionCount, new JsonObject { ["segment.bytes"] = 16 * 1024 });
        load.Start();
        await load.WaitUntilAckedAsync(AckedMin, HealingMax);

        var findings = new List<string>();
        foreach (var fault in faults)
        {
            await folder.BeginAsync(fault);
            await Wait.ForAsync(PauseMax * random.NextDouble());
        }

        // What is stopped shows no other fault.
        foreach (var fault in faults.OrderByDescending(fault => fault == FolderFault.Hang))
            await folder.EndAsync(fault);

        findings.AddRange(await ReadPastDamageAsync(folder, topic, history));
        await folder.KillAsync();
        findings.AddRange(await VerifyAsync(folder, data));
        await folder.StartAsync();
        await load.WaitUntilAckedAsync(AckedMin, HealingMax);
        await load.StopAsync();
        findings.AddRange(await JudgeAsync(folder, topic, data, history));
        var story = faults.Select(fault => $"{fault} ({folder.EvidenceOf(fault) ?? "without effect"})");
        return ($"{string.Join(" and ", story)}; {load.AckedRecords} records acknowledged, "
            + $"{history.Count(CallOutcome.Unknown)} unknown, {history.Count(CallOutcome.Failed)} failed", findings);
    }

    // From the first offset on, over what is damaged: nothing but the truth may come, and the damage must be told.
    private static async Task<List<string>> ReadPastDamageAsync(FaultyFolder folder, string topic, CallHistory history)
    {
        var findings = new List<string>();
        if (folder.Flipped is not { } flipped)
            return findings;
        using var client = folder.Service.Connect();
        var recorded = new HistoryClient(client, history, topic, "auditor");
        for (var partition = 0; partition < PartitionCount; partition++)
        {
            // Up to the first end that is told: producers go on, and on a busy machine they are faster than this reader.
            long? end = null;
            for (var offset = 0L; offset < (end ?? long.MaxValue);)
            {
                var (call, answer) = await recorded.FetchAsync(partition, offset, waitMs: 0, TestContext.Current.CancellationToken);
                if (call.Outcome != CallOutcome.Ok && answer.Body!["damage"] is { } damage
                    && !flipped.Path.EndsWith(((string)damage["segment"]!).Replace('/', Path.DirectorySeparatorChar), StringComparison.Ordinal))
                {
                    findings.Add($"{(string?)damage["segment"]} is said to be damaged, and {flipped.Path} is");
                }

                if (call.Outcome != CallOutcome.Ok && answer.Body!["damage"] is null)
                    break;
                if (call.Outcome == CallOutcome.Ok)
                    (offset, end) = (call.NextOffset, end ?? call.HighWatermark);
                else
                    offset++;
            }
        }

        return findings;
    }

    // A crash leaves notes and no faults; a flipped bit is found, but in a fence's base offset, which nobody uses.
    private static async Task<List<string>> VerifyAsync(FaultyFolder folder, string data)
    {
        var findings = new List<string>();
        if (folder.Flipped is { Position: >= sizeof(long) } flipped)
        {
            var (found, output) = await VerifyAsync(data);
            if (found != StorageVerification.Damaged || !output.Contains(Path.GetFileName(flipped.Path), StringComparison.Ordinal))
                findings.Add($"byte {flipped.Position} of {flipped.Path} is bad, and verify says: {output}");
        }

        folder.Restore();
        var (exitCode, all) = await VerifyAsync(data);
        if (exitCode != StorageVerification.Sound)
            findings.Add($"verify after the kill: {all}");
        return findings;
    }

    private static async Task<(int ExitCode, string Output)> VerifyAsync(string data)
    {
        using var output = new StringWriter();
        var exitCode = await StorageVerification.RunAsync(
            [$"--OrleansStream:Storage:Files:Directory={data}"], output, output, TestContext.Current.CancellationToken);
        return (exitCode, output.ToString());
    }

    private static async Task<List<string>> JudgeAsync(FaultyFolder folder, string topic, string data, CallHistory history)
    {
        using var client = folder.Service.Connect();
        var id = Guid.Parse((string)(await client.GetAsync($"/v1/topics/{topic}")).Body!["id"]!);
        List<string> findings = [.. HistoryJudge.Judge(history.Calls, await HistoryClient.ReadAllAsync(client, topic, PartitionCount))];
        Assert.Equal(0, await folder.Service.StopAsync());
        using var reader = FolderReader.Open(data);
        var stored = new PartitionContent[PartitionCount];
        for (var partition = 0; partition < PartitionCount; partition++)
        {
            var log = await StoredLog.ReadAsync(reader.Segments, reader.Documents, new PartitionKey(id, partition).ToString());
            findings.AddRange(log.Findings);
            stored[partition] = log.Content;
        }

        findings.AddRange(HistoryJudge.Judge(history.Calls, stored).Select(finding => "by the bytes: " + finding));
        return findings;
    }

    private static void Write(string line) => TestContext.Current.TestOutputHelper!.WriteLine(line);
}
