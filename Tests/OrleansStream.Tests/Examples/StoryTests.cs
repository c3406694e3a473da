using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Client;
using OrleansStream.Client.Connections;
using OrleansStream.Examples;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Examples;

/// <summary>The programs of Tests/Examples keep what each story promises: order, numbers, receipts, counts.</summary>
public sealed class StoryTests(ApiFixture api) : IClassFixture<ApiFixture>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>The stories, and what each tells when it is played.</summary>
    public static TheoryData<string, string> Told => new()
    {
        { "matches", "peru-chile 12': goal 1-0" },
        { "transcoding", "transcodes video-6" },
        { "waiting-room", "4 before the last one" },
        { "contest", "1000 judged, 142 are right" },
        { "ad-clicks", "5000 clicks, 4500 of them on ad-of-the-final" },
        { "comments", "Chi: Goal!" },
        { "crawler", "given up after 3 attempts: http://a.example.com/none (the site answered 404)" },
    };

    [Theory]
    [MemberData(nameof(Told))]
    public async Task Story_WhenPlayed_TellsItsEnd(string name, string told)
    {
        using var client = Client();
        var output = new StringWriter();

        await Stories.All[name](client, output, TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);

        Assert.Contains(told, output.ToString(), StringComparison.Ordinal);
        Assert.Equal(Told.Count, Stories.All.Count);
    }

    [Fact]
    public async Task Program_GivenAName_PlaysThatStory()
    {
        var program = Path.Combine(AppContext.BaseDirectory, "OrleansStream.Examples.dll");

        var (exitCode, output, errors) = await OtherProgram.RunAsync(new ProcessStartInfo("dotnet", [program, "comments", $"{api.Client.BaseAddress}"]));
        var (wrong, _, usage) = await OtherProgram.RunAsync(new ProcessStartInfo("dotnet", [program, "novels"]));

        Assert.True(exitCode == 0 && errors.Length == 0, $"{exitCode} {errors}");
        Assert.Contains("Chi: Goal!", output, StringComparison.Ordinal);
        Assert.Equal(64, wrong);
        Assert.Contains("crawler", usage, StringComparison.Ordinal);

        var (failed, _, reason) = await OtherProgram.RunAsync(new ProcessStartInfo("dotnet", [program, "comments", $"http://localhost:{FreePort.Find()}"]));
        Assert.Equal(1, failed);
        Assert.DoesNotContain("   at ", reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Matches_WhenManyReportersSendAtOnce_AreShownInOrderOnEveryWebsite()
    {
        using var client = Client();
        var updates = new MatchUpdates(client, await api.CreateTopicAsync(partitions: 6));
        var matches = WorldCup.ReadRecords().Select(Read).GroupBy(update => update.Match).ToList();
        var count = matches.Sum(match => match.Count());
        using var stop = new CancellationTokenSource(Patience);
        ConcurrentQueue<MatchEvent>[] websites = [new(), new()];
        var servers = websites.Select(website => updates.ShowAsync(website.Enqueue, stop.Token)).ToList();

        await Task.WhenAll(matches.Select(match => updates.ReportAsync(match, stop.Token)));
        await Wait.UntilAsync("both websites show everything", () => websites.All(website => website.Count == count));
        await stop.CancelAsync();
        await EndAsync(servers);

        foreach (var website in websites)
            Assert.All(matches, match => Assert.Equal(match, website.Where(update => update.Match == match.Key)));
    }

    [Fact]
    public async Task WaitingRoom_WhenManyEnterAtOnce_LetsThemInByTheirNumbersAlsoAfterTheDoorRestarted()
    {
        const int count = 100;
        using var client = Client();
        var topic = await api.CreateTopicAsync();
        await using var room = new WaitingRoom(client, topic);
        var numbers = await Task.WhenAll(Enumerable.Range(0, count).Select(visitor => room.EnterAsync($"visitor {visitor}")));
        var letIn = new List<string>();

        Assert.Equal(50, await room.CountBeforeAsync(50));
        await room.OpenAsync(30, letIn.Add, TestContext.Current.CancellationToken);
        Assert.Equal((0, 20), (await room.CountBeforeAsync(29), await room.CountBeforeAsync(50)));
        using var restarted = Client();
        await using var again = new WaitingRoom(restarted, topic);
        await again.OpenAsync(count - 30, letIn.Add, TestContext.Current.CancellationToken);

        Assert.Equal(Enumerable.Range(0, count).Select(number => (long)number), numbers.Order());
        Assert.Equal(Enumerable.Range(0, count).OrderBy(visitor => numbers[visitor]).Select(visitor => $"visitor {visitor}"), letIn);
        Assert.Equal(0, await again.CountBeforeAsync(99));
    }

    [Fact]
    public async Task Contest_WhenEverybodyAnswersAtOnce_GivesReceiptsWithinItsMemoryAndTheJudgesSeeEachAnswerOnce()
    {
        const int count = 3_000;
        // A contestant's clock, which is years behind.
        using var client = Client(new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(30)));
        await using var contest = new Contest(client, $"contest-{Guid.NewGuid():N}");
        await contest.CreateTopicAsync(TestContext.Current.CancellationToken);
        var before = TimeProvider.System.GetUtcNow().AddSeconds(-1);
        var most = 0L;
        var receipts = await Task.WhenAll(Enumerable.Range(0, count).Select(async i =>
        {
            var receipt = await contest.SubmitAsync(new Submission($"contestant-{i}", new string('x', 500)));
            lock (contest)
                most = Math.Max(most, contest.BufferedBytes);
            return receipt;
        }));
        using var stop = new CancellationTokenSource(Patience);
        var judged = new ConcurrentQueue<(string Receipt, DateTimeOffset Came)>();

        using var judges = Client();
        await using var jury = new Contest(judges, contest.Topic);
        await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => jury.JudgeAsync(
            async (_, receipt, came) =>
            {
                judged.Enqueue((receipt, came));
                if (judged.Count == count)
                    await stop.CancelAsync();
            },
            stop.Token)));

        Assert.InRange(most, 1, Contest.BufferBytes);
        Assert.Equal(receipts.Order(StringComparer.Ordinal), judged.Select(one => one.Receipt).Order(StringComparer.Ordinal));
        Assert.Equal(count, receipts.Distinct().Count());
        Assert.All(judged, one => Assert.InRange(one.Came, before, TimeProvider.System.GetUtcNow().AddSeconds(1)));
    }

    [Fact]
    public async Task AdClicks_WhenOneAdHasMostOfThem_AreCountedByAllCountersAndTheSumIsRight()
    {
        const int count = 20_000;
        const string popular = "ad-of-the-final";
        using var client = Client();
        var topic = $"clicks-{Guid.NewGuid():N}";
        var clicks = new AdClicks(client, topic);
        await clicks.CreateTopicAsync([popular], TestContext.Current.CancellationToken);
        AdClick[] made = [.. Enumerable.Range(0, count).Select(i => new AdClick(i % 10 == 0 ? $"ad-{i % 70}" : popular, $"user-{i}"))];
        using var stop = new CancellationTokenSource(Patience);
        var sums = new ConcurrentDictionary<string, long>();
        var ofPopular = new int[2];
        var counters = Enumerable.Range(0, 2).Select(counter => clicks.CountAsync(
            (ad, _) =>
            {
                sums.AddOrUpdate(ad, 1, (_, before) => before + 1);
                if (ad == popular)
                    Interlocked.Increment(ref ofPopular[counter]);
            },
            stop.Token)).ToList();
        await Wait.UntilAsync("both counters have partitions", () => HaveAllPartitionsAsync(client, AdClicks.Counters, members: 2));

        await clicks.RecordAsync(made, stop.Token);
        await Wait.UntilAsync("all are counted", () => sums.Values.Sum() == count);
        await stop.CancelAsync();
        await Task.WhenAll(counters);

        Assert.Equal(made.GroupBy(click => click.Ad).ToDictionary(ad => ad.Key, ad => (long)ad.Count()), sums);
        var shares = await SharesAsync(client, topic, popular);
        Assert.Equal(6, shares.Count);
        Assert.All(shares, share => Assert.InRange(share.Value, 0.08, 0.3));
        Assert.Single(await SharesAsync(client, topic, "ad-20"));
        Assert.All(ofPopular, counted => Assert.True(counted > count / 20, $"A counter has {counted} of {count}."));
    }

    private static async Task<bool> HaveAllPartitionsAsync(OrleansStreamClient client, string group, int members)
    {
        try
        {
            var answer = await client.Admin.Groups.GetAsync(group);
            return answer.Members.Count == members && answer.Members.All(member => member is { Assignment.Count: > 0, Target: null });
        }
        catch (StreamServiceException exception) when (exception.Status == HttpStatusCode.NotFound)
        {
            return false; // nobody has polled yet
        }
    }

    [Fact]
    public async Task Comments_AreShownToAllViewersInOneOrder()
    {
        const int count = 50;
        using var client = Client();
        var topic = await api.CreateTopicAsync(partitions: 3);
        await using var wall = new CommentWall(client, topic, "final");
        await using var elsewhere = new CommentWall(client, topic, "semi-final");
        var since = TimeProvider.System.GetUtcNow().AddSeconds(-1);
        using var left = new CancellationTokenSource(Patience);
        ConcurrentQueue<string>[] viewers = [new(), new(), new()];
        List<Task> pages = [Watch(viewers[0]), Watch(viewers[1])];

        await Task.WhenAll(Enumerable.Range(0, count).Select(i => Task.WhenAll(
            wall.AddAsync(new Comment($"author-{i}", $"{i}")), elsewhere.AddAsync(new Comment("nobody", "another video")))));
        pages.Add(Watch(viewers[2])); // who comes late sees what was said
        await Wait.UntilAsync("all viewers see all", () => viewers.All(viewer => viewer.Count == count));
        await left.CancelAsync();
        await EndAsync(pages);

        Assert.Equal(Enumerable.Range(0, count).Select(i => $"{i}").Order(StringComparer.Ordinal), viewers[0].Order(StringComparer.Ordinal));
        Assert.All(viewers, viewer => Assert.Equal(viewers[0], viewer));

        Task Watch(ConcurrentQueue<string> viewer) => wall.WatchAsync(since, (comment, _) => viewer.Enqueue(comment.Text), left.Token);
    }

    private static async Task EndAsync(List<Task> readers)
    {
        foreach (var reader in readers)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reader);
    }

    private OrleansStreamClient Client(TimeProvider? time = null) =>
        new(new OrleansStreamClientOptions { Endpoints = [api.Client.BaseAddress!], TimeProvider = time ?? TimeProvider.System });

    private static MatchEvent Read(JsonObject record)
    {
        var value = record["value"]!;
        return new MatchEvent((string)record["key"]!, (int)value["minute"]!, $"{value["seq"]} {value["event"]}", (string)value["score"]!);
    }

    // Which part of a key's records each partition has.
    private static async Task<Dictionary<int, double>> SharesAsync(OrleansStreamClient client, string topic, string key)
    {
        var counts = new Dictionary<int, int>();
        await foreach (var record in client.Read<string>(topic).WithCancellation(TestContext.Current.CancellationToken))
        {
            if (record.Key == key)
                counts[record.Partition] = counts.GetValueOrDefault(record.Partition) + 1;
        }

        return counts.ToDictionary(count => count.Key, count => (double)count.Value / counts.Values.Sum());
    }
}
