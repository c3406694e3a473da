using System.Collections.Concurrent;
using OrleansStream.Client;
using OrleansStream.Client.Producing;

namespace OrleansStream.Examples;

/// <summary>A click on an advertisement.</summary>
/// <param name="Ad">The advertisement.</param>
/// <param name="User">Who.</param>
public sealed record AdClick(string Ad, string User);

/// <summary>
/// Clicks on advertisements, of which one is far more popular than all others. By its key alone it would keep one partition and one counter busy, and
/// the others idle. The topic spreads this key over all partitions. A count needs no order, so nothing is lost by that.
/// </summary>
/// <param name="client">The client.</param>
/// <param name="topic">The topic, of <see cref="CreateTopicAsync"/>.</param>
public sealed class AdClicks(OrleansStreamClient client, string topic)
{
    /// <summary>The group of the counters.</summary>
    public const string Counters = "click-counters";

    private const int Partitions = 6;

    /// <summary>Makes the topic.</summary>
    /// <param name="popular">The ads that everybody clicks on. More can be named at any time; producers heed them within a minute.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task CreateTopicAsync(IEnumerable<string> popular, CancellationToken cancellationToken = default) => client.Admin.Topics.CreateAsync(
        topic, Partitions, new Dictionary<string, string> { ["hot.key.spread"] = $"{Partitions}", ["hot.keys"] = string.Join(',', popular) }, cancellationToken);

    /// <summary>What a web server does: stores clicks, and waits for memory only.</summary>
    /// <param name="clicks">The clicks.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task RecordAsync(IEnumerable<AdClick> clicks, CancellationToken cancellationToken = default)
    {
        await using var producer = client.CreateProducer(topic, options =>
        {
            // Many small records: smaller batches spread the popular ad more evenly, and compression halves the traffic.
            options.BatchSize = 16 * 1024;
            options.Linger = TimeSpan.FromMilliseconds(5);
            options.Compression = Compression.Lz4;
        });
        foreach (var click in clicks)
            await producer.EnqueueAsync(new OutgoingRecord<AdClick>(click.Ad, click), cancellationToken);
        await producer.FlushAsync(cancellationToken);
    }

    /// <summary>Counts as one of several counters, each of which has a share of the partitions. The sum of their counts is right.</summary>
    /// <param name="counted">Is told each click's ad, and how many clicks on it this counter has seen.</param>
    /// <param name="stop">Tells it to stop.</param>
    public async Task CountAsync(Action<string, long> counted, CancellationToken stop)
    {
        var counts = new ConcurrentDictionary<string, long>(StringComparer.Ordinal);
        await client.Consume<AdClick>(Counters, topic).RunAsync(
            (click, _) =>
            {
                counted(click.Value!.Ad, counts.AddOrUpdate(click.Value.Ad, 1, (_, before) => before + 1));
                return Task.CompletedTask;
            },
            stop);
    }

    /// <summary>Plays the story: nine of ten clicks are on one ad.</summary>
    /// <inheritdoc cref="Story"/>
    public static async Task PlayAsync(OrleansStreamClient client, TextWriter output, CancellationToken stop)
    {
        const int count = 5_000;
        const string popular = "ad-of-the-final";
        var clicks = new AdClicks(client, "ad-clicks");
        await clicks.CreateTopicAsync([popular], stop);
        await clicks.RecordAsync(Enumerable.Range(0, count).Select(i => new AdClick(i % 10 == 0 ? $"ad-{i % 70}" : popular, $"user-{i}")), stop);

        var (total, ofPopular) = (0, 0);
        using var all = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => clicks.CountAsync(
            (ad, _) =>
            {
                if (ad == popular)
                    Interlocked.Increment(ref ofPopular);
                if (Interlocked.Increment(ref total) == count)
                    all.Cancel();
            },
            all.Token)));
        await output.WriteLineAsync($"{total} clicks, {ofPopular} of them on {popular}");
    }
}
