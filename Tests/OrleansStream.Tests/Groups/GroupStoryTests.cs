using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Loads;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Groups;

/// <summary>What groups are for, told as seven stories against the real service. Each is short enough to start from.</summary>
[Collection(SharedServiceCollection.Name)]
public sealed class GroupStoryTests(ServiceFixture fixture) : IDisposable
{
    private readonly ServiceClient _client = fixture.Service.Connect();
    private readonly ScratchFolder _blobs = new();

    public void Dispose()
    {
        _client.Dispose();
        _blobs.Dispose();
    }

    /// <summary>A scoreboard run by three processes stays right when one dies in the middle of a match.</summary>
    [Fact]
    public async Task Matches_WhenOneOfThreeScorekeepersIsKilled_AreStillToldInOrder()
    {
        await _client.CreateTopicAsync("story-matches", WorldCup.PartitionCount);
        var events = WorldCup.ReadRecords();
        await _client.ProduceAsync("story-matches", events.Take(300).Select(record => record.DeepClone().AsObject()));
        var told = new ConcurrentDictionary<string, List<int>>();
        GroupConsumer[] keepers = [.. "abc".Select(id => new GroupConsumer(_client, "scoreboard", $"keeper-{id}", "story-matches") { LeaseMs = 2_000, MaxRecords = 20 })];

        // The first dies with records in hand that it has shown but not committed.
        Tell(told, await keepers[0].PollAsync());
        var others = keepers.Skip(1).Select(keeper => KeepAsync(keeper, told, events.Count)).ToArray();
        await _client.ProduceAsync("story-matches", events.Skip(300).Select(record => record.DeepClone().AsObject()));
        await Task.WhenAll(others);

        foreach (var match in events.GroupBy(record => (string)record["key"]!))
            Assert.Equal(match.Select(record => (int)record["value"]!["seq"]!), told[match.Key].Distinct());
    }

    /// <summary>The record points to a video in a store of its own; a worker commits after the video is transcoded.</summary>
    [Fact]
    public async Task Videos_WhenAWorkerDiesAtWork_AreAllTranscoded()
    {
        await _client.CreateTopicAsync("story-videos", 2);
        string[] videos = [.. Enumerable.Range(0, 10).Select(i => $"video-{i}.raw")];
        foreach (var video in videos)
            await File.WriteAllTextAsync(_blobs.PathOf(video), $"pixels of {video}", TestContext.Current.CancellationToken);
        await _client.ProduceAsync("story-videos", videos.Select(video => new JsonObject { ["key"] = video, ["value"] = new JsonObject { ["blob"] = video } }));

        var dying = new GroupConsumer(_client, "transcoders", "worker-1", "story-videos") { LeaseMs = 1_000, MaxRecords = 3 };
        Transcode((await dying.PollAsync())[0]);
        var worker = new GroupConsumer(_client, "transcoders", "worker-2", "story-videos") { MaxRecords = 3 };
        await Wait.UntilAsync("all videos are transcoded", async () =>
        {
            foreach (var job in await worker.PollAsync())
                Transcode(job);
            return videos.All(video => File.Exists(_blobs.PathOf(video + ".mp4")));
        });
    }

    /// <summary>A waiting room lets the next hundred people in at each interval, in the order in which they came.</summary>
    [Fact]
    public async Task Queue_WhenTheDoorOpens_LetsTheNextHundredIn()
    {
        await _client.CreateTopicAsync("story-queue", 1);
        await _client.ProduceAsync("story-queue", Enumerable.Range(0, 250).Select(i => new JsonObject { ["value"] = $"person-{i}" }));
        var door = new GroupConsumer(_client, "door", "keeper", "story-queue") { MaxRecords = 100 };

        var let = new List<string[]>();
        for (var opening = 0; opening < 3; opening++)
            let.Add([.. (await door.PollAsync()).Select(person => (string)person.Value!)]);

        Assert.Equal([100, 100, 50], let.Select(people => people.Length));
        Assert.Equal(Enumerable.Range(0, 250).Select(i => $"person-{i}"), let.SelectMany(people => people));
    }

    /// <summary>All contestants submit in the last minute; three slow judges work it off, each submission once.</summary>
    [Fact]
    public async Task Contest_WhenAllSubmitAtOnce_IsJudgedOnceEachByFewSlowJudges()
    {
        const int count = 300;
        await _client.CreateTopicAsync("story-contest", 6);
        var judges = Enumerable.Range(0, 3).Select(i => new GroupConsumer(_client, "jury", $"judge-{i}", "story-contest") { MaxRecords = 5 }).ToArray();
        foreach (var judge in judges)
            await judge.PollAsync(0);
        await Task.WhenAll(judges.Select(judge => judge.PollUntilAsync(one => one.Assignment.Count == 2)));
        await Task.WhenAll(Enumerable.Range(0, count).Select(i => _client.ProduceAsync(
            "story-contest", new JsonObject { ["key"] = $"contestant-{i}", ["value"] = $"solution of {i}" })));

        var judged = new ConcurrentBag<(string Judge, string Contestant)>();
        await Task.WhenAll(judges.Select(async judge =>
        {
            while (judged.Count < count)
            {
                foreach (var submission in await judge.PollAsync(100))
                    judged.Add((judge.Member, submission.Key!));
            }
        }));

        Assert.Equal(count, judged.Count);
        Assert.Equal(count, judged.Select(one => one.Contestant).Distinct().Count());
        Assert.Equal(3, judged.Select(one => one.Judge).Distinct().Count());
    }

    /// <summary>Clicks per ad and minute are exact though the counter is killed: it keeps its place with its totals.</summary>
    [Fact]
    public async Task Clicks_WhenTheCounterIsKilledAndResumes_AreCountedExactly()
    {
        await _client.CreateTopicAsync("story-clicks", 3);
        var start = new DateTimeOffset(2026, 6, 11, 19, 0, 0, TimeSpan.Zero);
        var clicks = Enumerable.Range(0, 600).Select(i => (Ad: $"ad-{i % 7}", At: start.AddSeconds(i * 0.5))).ToList();
        await _client.ProduceAsync("story-clicks", clicks.Select(click => new JsonObject
        {
            ["key"] = click.Ad,
            ["value"] = new JsonObject { ["ad"] = click.Ad, ["at"] = click.At.ToString("O") },
        }));

        // What survives a kill: totals and places, written together (here: one dictionary each, copied at every "write").
        var totals = new Dictionary<(string Ad, DateTimeOffset Minute), int>();
        var places = new Dictionary<int, long>();
        var killed = new GroupConsumer(_client, "clicks-per-minute", "counter", "story-clicks") { MaxRecords = 50 };
        for (var i = 0; i < 3; i++)
            Count(await killed.PollAsync(), totals, places);
        // Killed: written, and not told to the group. The new process is given these records again.
        var resumed = new GroupConsumer(_client, "clicks-per-minute", "counter", "story-clicks") { MaxRecords = 50 };
        var repeated = 0;
        await Wait.UntilAsync("all clicks are counted", async () =>
        {
            repeated += Count(await resumed.PollAsync(), totals, places);
            return totals.Values.Sum() == clicks.Count;
        });

        Assert.True(repeated > 0, "Nothing was delivered again: the kill was not where it hurts.");
        var expected = clicks.GroupBy(click => (click.Ad, Minute(click.At))).ToDictionary(window => window.Key, window => window.Count());
        Assert.Equal(expected.OrderBy(window => window.Key), totals.OrderBy(window => window.Key));
    }

    /// <summary>Every viewer of a stream is a group of its own and sees every comment within moments.</summary>
    [Fact]
    public async Task Comments_WhenManyWatch_ReachEveryoneWithinMoments()
    {
        await _client.CreateTopicAsync("story-comments", 2);
        var viewers = Enumerable.Range(0, 5).Select(i => new GroupConsumer(_client, $"viewer-{i}", "screen", "story-comments") { StartAt = "latest" }).ToArray();
        await Task.WhenAll(viewers.Select(viewer => viewer.PollAsync(0)));
        var watching = viewers.Select(viewer => WatchAsync(viewer, 20)).ToArray();

        var sent = System.Diagnostics.Stopwatch.GetTimestamp();
        for (var i = 0; i < 20; i++)
            await _client.ProduceAsync("story-comments", new JsonObject { ["key"] = $"fan-{i % 4}", ["value"] = $"comment {i}" });
        var seen = await Task.WhenAll(watching);

        TestContext.Current.TestOutputHelper!.WriteLine(
            $"20 comments, sent one after another, were on all 5 screens {System.Diagnostics.Stopwatch.GetElapsedTime(sent).TotalMilliseconds:F0} ms after the first was sent.");
        Assert.All(seen, comments => Assert.Equal(
            Enumerable.Range(0, 20).Select(i => $"comment {i}").Order(), comments.Order()));
    }

    /// <summary>A crawler commits a page only once it is stored; killed in between, that page is crawled again.</summary>
    [Fact]
    public async Task Crawler_WhenKilledBetweenStoringAndCommitting_CrawlsThatPageAgain()
    {
        await _client.CreateTopicAsync("story-pages", 1);
        await _client.ProduceAsync("story-pages", Enumerable.Range(0, 4).Select(i => new JsonObject { ["value"] = $"page-{i}" }));
        var crawled = new List<string>();
        async Task CrawlAsync(GroupConsumer crawler)
        {
            var page = Assert.Single(await crawler.PollAsync());
            await File.WriteAllTextAsync(_blobs.PathOf((string)page.Value!), "stored", TestContext.Current.CancellationToken);
            crawled.Add((string)page.Value!);
        }

        var killed = new GroupConsumer(_client, "crawlers", "crawler", "story-pages") { MaxRecords = 1 };
        await CrawlAsync(killed);
        await CrawlAsync(killed);
        var next = new GroupConsumer(_client, "crawlers", "crawler", "story-pages") { MaxRecords = 1 };
        for (var i = 0; i < 3; i++)
            await CrawlAsync(next);

        Assert.Equal(["page-0", "page-1", "page-1", "page-2", "page-3"], crawled);
    }

    /// <summary>
    /// A site that is down does not hold up the others; one that never answers ends among the dead letters, until it is asked for again.
    /// </summary>
    [Fact]
    public async Task Crawler_WhenASiteIsDown_TriesItAgainAndGivesUpInTheEnd()
    {
        await _client.CreateTopicAsync("story-sites", 1);
        (await _client.SendAsync(HttpMethod.Put, "/v1/groups/patient", ServiceClient.Json(
            new JsonObject { ["max_attempts"] = 3, ["backoff_ms"] = new JsonArray(100, 200) }))).Expect(HttpStatusCode.OK);
        await _client.ProduceAsync("story-sites", new[] { "up-1", "flaky", "down", "up-2" }.Select(site => new JsonObject { ["value"] = site }));

        var isBack = false;
        var log = new List<string>();
        var crawler = new GroupConsumer(_client, "patient", "crawler", "story-sites");
        async Task CrawlUntilAsync(string last) => await Wait.UntilAsync(last, async () =>
        {
            foreach (var page in await crawler.PollAsync(200))
            {
                var site = (string)page.Value!;
                var isUp = site switch { "flaky" => page.Attempt > 1, "down" => isBack, _ => true };
                if (!isUp)
                    crawler.Fail(page, "the site answered 503");
                log.Add($"{site} {page.Attempt} {(isUp ? "stored" : "failed")}");
            }

            return log.Contains(last);
        });

        await CrawlUntilAsync("down 3 failed");
        await crawler.PollAsync(0);
        Assert.Equal(["up-1 1 stored", "flaky 1 failed", "down 1 failed", "up-2 1 stored"], log.Take(4));
        Assert.Equal(["down 2 failed", "down 3 failed", "flaky 2 stored"], log.Skip(4).Order());

        // The site is back: what was given up is asked for again.
        isBack = true;
        log.Clear();
        (await _client.PostAsync("/v1/groups/patient/dead-letters/redrive", new JsonObject())).Expect(HttpStatusCode.Accepted);
        await CrawlUntilAsync("down 1 stored");
    }

    private static void Tell(ConcurrentDictionary<string, List<int>> told, IReadOnlyList<GroupRecord> records)
    {
        foreach (var record in records)
        {
            var match = told.GetOrAdd(record.Key!, _ => []);
            lock (match)
                match.Add((int)record.Value["seq"]!);
        }
    }

    private static async Task KeepAsync(GroupConsumer keeper, ConcurrentDictionary<string, List<int>> told, int count) =>
        await Wait.UntilAsync("all events are told", async () =>
        {
            Tell(told, await keeper.PollAsync(200));
            return told.Values.Sum(match =>
            {
                lock (match)
                    return match.Distinct().Count();
            }) == count;
        });

    private void Transcode(GroupRecord job)
    {
        var blob = _blobs.PathOf((string)job.Value["blob"]!);
        File.WriteAllText(blob + ".mp4", File.ReadAllText(blob).ToUpperInvariant());
    }

    private static int Count(
        IReadOnlyList<GroupRecord> clicks, Dictionary<(string Ad, DateTimeOffset Minute), int> totals, Dictionary<int, long> places)
    {
        var repeated = 0;
        foreach (var click in clicks)
        {
            if (click.Offset < places.GetValueOrDefault(click.Partition))
            {
                repeated++;
                continue;
            }

            var window = ((string)click.Value["ad"]!, Minute(DateTimeOffset.Parse((string)click.Value["at"]!)));
            totals[window] = totals.GetValueOrDefault(window) + 1;
            places[click.Partition] = click.Offset + 1;
        }

        return repeated;
    }

    private static DateTimeOffset Minute(DateTimeOffset time) => time.AddTicks(-(time.Ticks % TimeSpan.TicksPerMinute));

    private static async Task<List<string>> WatchAsync(GroupConsumer viewer, int count)
    {
        var comments = new List<string>();
        while (comments.Count < count)
            comments.AddRange((await viewer.PollAsync(5_000)).Select(comment => (string)comment.Value!));
        return comments;
    }
}
