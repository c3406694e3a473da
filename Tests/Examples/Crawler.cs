using System.Runtime.CompilerServices;
using OrleansStream.Client;
using OrleansStream.Contracts;

namespace OrleansStream.Examples;

/// <summary>A page that could not be fetched.</summary>
/// <param name="Address">Its address.</param>
/// <param name="Reason">Why.</param>
/// <param name="Attempts">How often it was tried.</param>
public sealed record LostPage(string Address, string Reason, int Attempts);

/// <summary>
/// A crawler. A page that cannot be fetched is tried again later, while others go on; after the last attempt it is a dead letter, with the reason.
/// When the cause is gone, the dead letters are taken back. The site is the key, so no site is asked for two pages at once.
/// </summary>
/// <param name="client">The client.</param>
/// <param name="topic">The topic, of <see cref="CreateTopicsAsync"/>.</param>
public sealed class Crawler(OrleansStreamClient client, string topic)
{
    private const string Crawlers = "crawlers";

    private string LostPages => $"{topic}-lost";

    /// <summary>How often a page is tried.</summary>
    public const int AttemptsMax = 3;

    /// <summary>Makes the topics: one for pages, and one for those that are given up.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task CreateTopicsAsync(CancellationToken cancellationToken = default)
    {
        await client.Admin.Topics.CreateAsync(topic, partitions: 6, cancellationToken: cancellationToken);
        await client.Admin.Topics.CreateAsync(LostPages, partitions: 1, cancellationToken: cancellationToken);
    }

    /// <summary>Adds pages.</summary>
    /// <param name="pages">Their addresses.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task AddAsync(IEnumerable<Uri> pages, CancellationToken cancellationToken = default)
    {
        await using var producer = client.CreateProducer(topic);
        foreach (var page in pages)
            await producer.EnqueueAsync(page.Host, page.AbsoluteUri, cancellationToken);
        await producer.FlushAsync(cancellationToken);
    }

    /// <summary>Fetches pages until it is told to stop. Several crawlers share them.</summary>
    /// <param name="http">Fetches.</param>
    /// <param name="take">Takes the text of a page.</param>
    /// <param name="backoff">The waits before the second attempt and those that follow.</param>
    /// <param name="stop">Tells it to stop.</param>
    public Task CrawlAsync(HttpClient http, Func<string, string, Task> take, TimeSpan[] backoff, CancellationToken stop) => client.Consume<string>(
        Crawlers, topic,
        options =>
        {
            options.Concurrency = 16;
            options.RetryPolicy = new RetryPolicyRequest
            {
                MaxAttempts = AttemptsMax,
                BackoffMs = [.. backoff.Select(wait => (int)wait.TotalMilliseconds)],
                DeadLetterTopic = LostPages,
            };
        }).RunAsync(
        async (page, lost) =>
        {
            using var answer = await http.GetAsync(page.Value, lost); // what it throws has the page fail, too
            if (answer.IsSuccessStatusCode)
                await take(page.Value!, await answer.Content.ReadAsStringAsync(lost));
            else
                await page.FailAsync($"the site answered {(int)answer.StatusCode}", lost);
        },
        stop);

    /// <summary>The pages that were given up, from the first one on.</summary>
    /// <param name="follow">True to wait for more, for ever.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<LostPage> ReadLostAsync(bool follow, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var page in client.Read<string>(LostPages, options => options.Follow = follow).WithCancellation(cancellationToken))
        {
            var story = page.Headers.ToDictionary(header => header.Key, header => header.Text, StringComparer.Ordinal);
            yield return new LostPage(page.Value!, story["retry.reason"]!, int.Parse(story["retry.attempt"]!));
        }
    }

    /// <summary>Has the pages of a site that were given up tried again.</summary>
    /// <param name="site">The site.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task TryAgainAsync(string site, CancellationToken cancellationToken = default) =>
        client.Admin.Groups.RedriveAsync(Crawlers, new RedriveRequest { Key = site }, cancellationToken);

    /// <summary>Plays the story: one of three pages does not exist. The sites are made up.</summary>
    /// <inheritdoc cref="Story"/>
    public static async Task PlayAsync(OrleansStreamClient client, TextWriter output, CancellationToken stop)
    {
        var crawler = new Crawler(client, "pages");
        await crawler.CreateTopicsAsync(stop);
        await crawler.AddAsync([new("http://a.example.com/"), new("http://a.example.com/none"), new("http://b.example.com/")], stop);
        using var http = new HttpClient(new MadeUpSites());
        using var done = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var lines = TextWriter.Synchronized(output);
        var crawl = crawler.CrawlAsync(http, (page, text) => lines.WriteLineAsync($"{page}: {text}"), [TimeSpan.Zero], done.Token);
        await foreach (var lost in crawler.ReadLostAsync(follow: true, stop))
        {
            await lines.WriteLineAsync($"given up after {lost.Attempts} attempts: {lost.Address} ({lost.Reason})");
            break;
        }

        await done.CancelAsync();
        await crawl;
    }

    private sealed class MadeUpSites : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(request.RequestUri!.AbsolutePath == "/none"
                ? new HttpResponseMessage(System.Net.HttpStatusCode.NotFound)
                : new HttpResponseMessage { Content = new StringContent("hello") });
    }
}
