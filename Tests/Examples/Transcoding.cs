using OrleansStream.Client;
using OrleansStream.Contracts;

namespace OrleansStream.Examples;

/// <summary>A video that was uploaded.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Source">Where the file is. A record has the address of a large file, and not the file.</param>
public sealed record Video(string Id, string Source);

/// <summary>
/// A queue of videos that wait for transcoding. Workers share it: each video goes to one of them, however long it takes. A worker that dies is
/// replaced, and a video that fails is tried again. The videos behind a long one in its partition wait for it, so the topic has some partitions more
/// than there are workers.
/// </summary>
/// <param name="client">The client.</param>
/// <param name="topic">The topic; it must exist.</param>
public sealed class Transcoding(OrleansStreamClient client, string topic)
{
    private const string Workers = "transcoders";

    /// <summary>How soon others take over from a worker that died.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a video that failed waits for its next attempt.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>What the upload page does.</summary>
    /// <param name="videos">The videos.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task UploadAsync(IEnumerable<Video> videos, CancellationToken cancellationToken = default)
    {
        await using var producer = client.CreateProducer(topic);
        // The id as the key spreads videos evenly. Without a key, those that are uploaded together would be in one partition, for one worker.
        await Task.WhenAll(videos.Select(video => producer.SendAsync(video.Id, video, cancellationToken)));
    }

    /// <summary>
    /// What a worker does. Its lease is renewed while it transcodes, so it can work on a video for longer than that. If its machine dies, the lease
    /// ends, and another worker begins the video anew.
    /// </summary>
    /// <param name="transcode">
    /// Transcodes a video. Its token is cancelled when the video was given to another worker. It may be called again for the same video, so it
    /// replaces what an earlier call left behind.
    /// </param>
    /// <param name="stop">Tells it to stop: it ends the video that it works on, and hands the rest over.</param>
    public Task WorkAsync(Func<Video, CancellationToken, Task> transcode, CancellationToken stop) => client.Consume<Video>(
        Workers, topic,
        options =>
        {
            // One at a time: a worker that fetched many would keep them from the others while it works on the first.
            options.MaxRecords = 1;
            options.Lease = Lease;
            // A video whose handler throws is tried again, and at last is a dead letter.
            options.RetryPolicy = new RetryPolicyRequest { MaxAttempts = 3, BackoffMs = [(int)RetryAfter.TotalMilliseconds] };
        }).RunAsync((video, lost) => transcode(video.Value!, lost), stop);

    /// <summary>Plays the story: six videos, two workers.</summary>
    /// <inheritdoc cref="Story"/>
    public static async Task PlayAsync(OrleansStreamClient client, TextWriter output, CancellationToken stop)
    {
        const string topic = "uploaded-videos";
        const int count = 6;
        await client.Admin.Topics.CreateAsync(topic, partitions: 6, cancellationToken: stop);
        var queue = new Transcoding(client, topic);
        await queue.UploadAsync(Enumerable.Range(1, count).Select(i => new Video($"video-{i}", $"https://videos.example.com/{i}.mov")), stop);

        var done = 0;
        var lines = TextWriter.Synchronized(output);
        using var all = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await Task.WhenAll(Enumerable.Range(1, 2).Select(worker => queue.WorkAsync(
            async (video, lost) =>
            {
                // Here a real worker starts its encoder, with the token.
                await lines.WriteLineAsync($"worker {worker} transcodes {video.Id}".AsMemory(), lost);
                if (Interlocked.Increment(ref done) == count)
                    await all.CancelAsync();
            },
            all.Token)));
    }
}
