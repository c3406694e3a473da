using System.Collections.Concurrent;
using System.Net;
using OrleansStream.Client;
using OrleansStream.Client.Consuming;
using OrleansStream.Examples;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Examples;

/// <summary>The stories whose workers take long, fail or die: each piece of work is done, and what cannot be done is told.</summary>
public sealed class WorkerStoryTests(ApiFixture api) : IClassFixture<ApiFixture>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // Renewals come after a third of the lease; some of these requests are polls for the other videos.
    private const int RenewalsOfALongVideo = 16;

    [Fact]
    public async Task Transcoding_LongerThanTheLease_IsDoneOnce()
    {
        const int count = 8;
        using var line = new FaultyHttpHandler();
        using var client = Client(line);
        using var other = Client(line);
        var topic = await api.CreateTopicAsync(partitions: 4);
        await Queue(client, topic).UploadAsync(Enumerable.Range(0, count).Select(Video), TestContext.Current.CancellationToken);
        var begun = new ConcurrentQueue<string>();
        var (isLost, renewals, works) = (false, 0, false);
        line.OnRequest = (request, _) =>
        {
            if (Volatile.Read(ref works) && request.RequestUri!.AbsolutePath.EndsWith("/poll", StringComparison.Ordinal))
                Interlocked.Increment(ref renewals);
            return HttpFault.None;
        };
        using var stop = new CancellationTokenSource(Patience);

        await Task.WhenAll(new[] { client, other }.Select(worker => Queue(worker, topic).WorkAsync(
            async (video, lost) =>
            {
                begun.Enqueue(video.Id);
                if (video.Id == "video-0")
                {
                    Volatile.Write(ref works, true);
                    await Wait.UntilAsync("the lease would be over", () => Volatile.Read(ref renewals) >= RenewalsOfALongVideo);
                    isLost |= lost.IsCancellationRequested;
                }

                if (begun.Count == count && Volatile.Read(ref renewals) >= RenewalsOfALongVideo)
                    await stop.CancelAsync();
            },
            stop.Token)));

        Assert.False(isLost);
        Assert.Equal(Enumerable.Range(0, count).Select(i => Video(i).Id), begun.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Transcoding_WhenAWorkerDies_IsDoneByAnother()
    {
        const int count = 4;
        using var line = new FaultyHttpHandler();
        using var dying = Client(line);
        using var client = Client();
        var topic = await api.CreateTopicAsync(partitions: 4);
        var queue = Queue(client, topic);
        await queue.UploadAsync(Enumerable.Range(0, count).Select(Video), TestContext.Current.CancellationToken);
        using var stop = new CancellationTokenSource(Patience);
        using var stopDead = new CancellationTokenSource(Patience);
        var dead = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var buried = new TaskCompletionSource();
        var death = Queue(dying, topic).WorkAsync(
            async (video, _) =>
            {
                line.OnRequest = (_, _) => HttpFault.RequestLost;
                dead.TrySetResult(video.Id);
                await buried.Task;
            },
            stopDead.Token);
        var left = await dead.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);

        var done = new ConcurrentDictionary<string, bool>();
        await queue.WorkAsync(
            async (video, _) =>
            {
                done[video.Id] = true;
                if (done.Count == count)
                    await stop.CancelAsync();
            },
            stop.Token);
        line.OnRequest = (_, _) => HttpFault.None;
        await stopDead.CancelAsync();
        buried.SetResult();
        await death;

        Assert.Contains(left, done.Keys);
        Assert.Equal(count, done.Count);
    }

    [Fact]
    public async Task Transcoding_ThatFails_IsTriedAgain()
    {
        using var client = Client();
        var queue = Queue(client, await api.CreateTopicAsync(partitions: 4));
        await queue.UploadAsync([Video(0), Video(1)], TestContext.Current.CancellationToken);
        using var stop = new CancellationTokenSource(Patience);
        var begun = new ConcurrentQueue<string>();

        await queue.WorkAsync(
            async (video, _) =>
            {
                begun.Enqueue(video.Id);
                if (video.Id == "video-1" && begun.Count(id => id == video.Id) == 1)
                    throw new InvalidDataException("The encoder crashed.");
                if (begun.Count == 3)
                    await stop.CancelAsync();
            },
            stop.Token);

        Assert.Equal(["video-0", "video-1", "video-1"], begun.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Crawler_TriesAgainGivesUpAndTakesBackAndAsksASiteForOnePageAtATime()
    {
        using var client = Client();
        var crawler = new Crawler(client, $"pages-{Guid.NewGuid():N}");
        await crawler.CreateTopicsAsync(TestContext.Current.CancellationToken);
        using var sites = new Sites();
        using var http = new HttpClient(sites);
        Uri[] pages =
        [
            .. Enumerable.Range(0, 20).Select(i => new Uri($"http://good.test/{i}")), new("http://busy.test/"), new("http://down.test/"),
            .. Enumerable.Range(0, 20).Select(i => new Uri($"http://other.test/{i}")),
        ];
        await crawler.AddAsync(pages, TestContext.Current.CancellationToken);
        var taken = new ConcurrentQueue<string>();
        using var stop = new CancellationTokenSource(Patience);
        var crawl = crawler.CrawlAsync(
            http,
            (page, _) =>
            {
                taken.Enqueue(page);
                return Task.CompletedTask;
            },
            [TimeSpan.Zero], stop.Token);

        var lost = new List<LostPage>();
        await foreach (var page in crawler.ReadLostAsync(follow: true, stop.Token))
        {
            lost.Add(page);
            break;
        }

        await Wait.UntilAsync("all others are there", () => taken.Count == pages.Length - 1);
        Assert.Equal([new LostPage("http://down.test/", "the site answered 500", Crawler.AttemptsMax)], lost);
        Assert.Equal((Crawler.AttemptsMax, 3), (sites.Asked("http://down.test/"), sites.Asked("http://busy.test/")));
        sites.IsUp = true;
        await crawler.TryAgainAsync("down.test", stop.Token);
        await Wait.UntilAsync("the lost page is there", () => taken.Count == pages.Length);
        await stop.CancelAsync();
        await crawl;

        Assert.Equal(pages.Select(page => page.AbsoluteUri).Order(StringComparer.Ordinal), taken.Order(StringComparer.Ordinal));
        Assert.Equal(1, sites.AtOnceOfASite);
        Assert.True(sites.AtOnce > 1, "The sites are asked one after the other.");
    }

    private OrleansStreamClient Client(HttpMessageHandler? line = null) =>
        new(new OrleansStreamClientOptions { Endpoints = [api.Client.BaseAddress!], HttpHandler = line });

    private static Transcoding Queue(OrleansStreamClient client, string topic) =>
        new(client, topic) { Lease = ConsumerLimits.LeaseMin, RetryAfter = TimeSpan.Zero };

    private static Video Video(int number) => new($"video-{number}", $"https://videos.example.com/{number}");

    /// <summary>Sites of which one is busy twice, and one is down until it is up. It counts how many requests are under way at once.</summary>
    private sealed class Sites : HttpMessageHandler
    {
        private readonly ConcurrentDictionary<string, int> _asked = new();
        private readonly Dictionary<string, int> _underWay = [];
        private readonly TaskCompletionSource _twoAreThere = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public volatile bool IsUp;

        public int AtOnce { get; private set; }

        public int AtOnceOfASite { get; private set; }

        public int Asked(string page) => _asked[page];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var (site, page) = (request.RequestUri!.Host, request.RequestUri.AbsoluteUri);
            var times = _asked.AddOrUpdate(page, 1, (_, before) => before + 1);
            lock (_underWay)
            {
                _underWay[site] = _underWay.GetValueOrDefault(site) + 1;
                AtOnceOfASite = Math.Max(AtOnceOfASite, _underWay[site]);
                AtOnce = Math.Max(AtOnce, _underWay.Values.Sum());
                if (AtOnce > 1)
                    _twoAreThere.TrySetResult();
            }

            // The first one waits for a request to another site, so that they are under way at once if they may.
            await _twoAreThere.Task.WaitAsync(Patience, cancellationToken);
            lock (_underWay)
                _underWay[site]--;
            var isThere = site switch
            {
                "busy.test" => times > 2,
                "down.test" => IsUp,
                _ => true,
            };
            return new HttpResponseMessage(isThere ? HttpStatusCode.OK : site == "busy.test" ? HttpStatusCode.ServiceUnavailable : HttpStatusCode.InternalServerError);
        }
    }
}
