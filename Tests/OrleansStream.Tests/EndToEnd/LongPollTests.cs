using System.Diagnostics;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>A parked read costs no thread, and an append wakes it at once.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class LongPollTests(ServiceFixture fixture)
{
    private const int ParkedCount = 1_000;
    private const int PartitionCount = 4;
    private const int ThreadsMoreMax = 24;
    private const int WakeCount = 50;
    private const int WaitMs = 20_000;
    private const int WakeMedianMaxMs = 50;
    private static readonly TimeSpan ParkTime = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan WakeAllMax = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task Fetch_WhenAThousandAreParked_CostsNoThreadsAndWakesAll()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Threads are counted in /proc.");
        using var client = fixture.Service.Connect();
        await client.CreateTopicAsync("parked", PartitionCount);
        for (var partition = 0; partition < PartitionCount; partition++)
            Assert.Empty(await client.ReadAllAsync("parked", partition));
        var threadsBefore = fixture.Service.ThreadCount;

        var polls = Enumerable.Range(0, ParkedCount).Select(i => PollAsync(client, "parked", i % PartitionCount, 0)).ToList();
        var threads = 0;
        await Wait.UntilAsync("all polls are connected", () =>
        {
            threads = Math.Max(threads, fixture.Service.ThreadCount);
            return Task.FromResult(CountConnections(fixture.Service.Address.Port) >= ParkedCount);
        });
        Assert.DoesNotContain(polls, poll => poll.IsCompleted);
        threads = Math.Max(threads, fixture.Service.ThreadCount);

        var appended = Stopwatch.GetTimestamp();
        await client.ProduceAsync("parked", Enumerable.Range(0, PartitionCount).Select(
            partition => new JsonObject { ["partition"] = partition, ["value"] = "goal" }));
        var ended = await Task.WhenAll(polls);
        var delays = ended.Select(end => Stopwatch.GetElapsedTime(appended, end)).Order().ToList();
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{ParkedCount} parked reads: {threadsBefore} threads before, {threads} at most with them; all were answered "
            + $"{delays[^1].TotalMilliseconds:F0} ms after the append was sent, half of them after {delays[ParkedCount / 2].TotalMilliseconds:F0} ms.");
        Assert.True(threads <= threadsBefore + ThreadsMoreMax, $"{threads - threadsBefore} threads more for {ParkedCount} parked reads.");
        Assert.True(delays[^1] < WakeAllMax, $"The last was answered after {delays[^1].TotalMilliseconds} ms.");
    }

    [Fact]
    public async Task Fetch_WhenARecordComes_AnswersAtOnce()
    {
        using var reader = fixture.Service.Connect();
        using var writer = fixture.Service.Connect();
        await writer.CreateTopicAsync("woken", 1);
        var (wakes, appends, behind) = (new List<TimeSpan>(), new List<TimeSpan>(), new List<TimeSpan>());
        for (var i = 0; i < WakeCount; i++)
        {
            var poll = PollAsync(reader, "woken", 0, i);
            // Nothing outside tells that a read is parked; one that is not yet would only be answered sooner.
            await Wait.ForAsync(ParkTime);
            Assert.False(poll.IsCompleted, "There was nothing to read yet.");
            var sent = Stopwatch.GetTimestamp();
            await writer.ProduceAsync("woken", new JsonObject { ["value"] = i });
            var appended = Stopwatch.GetTimestamp();
            var woken = await poll;
            wakes.Add(Stopwatch.GetElapsedTime(sent, woken));
            appends.Add(Stopwatch.GetElapsedTime(sent, appended));
            behind.Add(Stopwatch.GetElapsedTime(appended, woken));
        }

        TestContext.Current.TestOutputHelper!.WriteLine(
            $"Medians of {WakeCount}: an append was answered after {Median(appends):F2} ms, the parked read {Median(wakes):F2} ms after that "
            + $"append was sent ({Median(behind):F2} ms behind the append's own answer).");
        Assert.True(Median(behind) < WakeMedianMaxMs, $"Half of the reads were answered {Median(behind)} ms or more behind the append.");
    }

    private static double Median(List<TimeSpan> times) => times.Order().ElementAt(times.Count / 2).TotalMilliseconds;

    // Answers when the poll did, once it has been seen to hold the one record.
    private static async Task<long> PollAsync(ServiceClient client, string topic, int partition, long offset)
    {
        var answer = await client.GetAsync($"/v1/topics/{topic}/partitions/{partition}/records?offset={offset}&wait_ms={WaitMs}");
        var ended = Stopwatch.GetTimestamp();
        var record = Assert.Single(answer.Expect(System.Net.HttpStatusCode.OK).Body!["records"]!.AsArray());
        Assert.Equal(offset, (long)record!["offset"]!);
        return ended;
    }

    // Established connections at the service's end.
    private static int CountConnections(int port)
    {
        const string established = "01";
        return File.ReadLines("/proc/net/tcp").Skip(1)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Count(fields => fields[3] == established && fields[1].EndsWith($":{port:X4}", StringComparison.Ordinal));
    }
}
