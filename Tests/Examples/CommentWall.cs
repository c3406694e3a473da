using OrleansStream.Client;
using OrleansStream.Client.Producing;
using OrleansStream.Client.Reading;

namespace OrleansStream.Examples;

/// <summary>A comment on a live video.</summary>
/// <param name="Author">Who.</param>
/// <param name="Text">The text.</param>
public sealed record Comment(string Author, string Text);

/// <summary>
/// The comments beside a live video. The video is the key, so every viewer sees its comments in the same order. A viewer reads from a while ago and
/// then live, and belongs to no group: a million viewers leave nothing behind at the service.
/// </summary>
public sealed class CommentWall : IAsyncDisposable
{
    private readonly OrleansStreamClient _client;
    private readonly string _topic;
    private readonly string _video;
    private readonly StreamProducer _producer;

    /// <summary>Shows and takes comments on a web server.</summary>
    /// <param name="client">The client.</param>
    /// <param name="topic">The topic; it must exist.</param>
    /// <param name="video">The video.</param>
    public CommentWall(OrleansStreamClient client, string topic, string video)
    {
        (_client, _topic, _video) = (client, topic, video);
        _producer = client.CreateProducer(topic);
    }

    /// <summary>Adds a comment.</summary>
    /// <param name="comment">The comment.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task AddAsync(Comment comment, CancellationToken cancellationToken = default) => _producer.SendAsync(_video, comment, cancellationToken);

    /// <summary>Shows the comments to a viewer until the viewer leaves.</summary>
    /// <param name="since">From when on. A page that reconnects says when its last comment was made, and leaves out those that it has.</param>
    /// <param name="show">Shows a comment. Its arguments are the comment and when it was made.</param>
    /// <param name="left">The viewer left; it ends with an <see cref="OperationCanceledException"/>.</param>
    public async Task WatchAsync(DateTimeOffset since, Action<Comment, DateTimeOffset> show, CancellationToken left)
    {
        var comments = _client.Read<Comment>(_topic, options => (options.From, options.Follow) = (ReadFrom.Time(since), true));
        await foreach (var comment in comments.WithCancellation(left))
        {
            // The topic has the comments of other videos, too.
            if (comment.Key == _video)
                show(comment.Value!, comment.Timestamp!.Value);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _producer.DisposeAsync();

    /// <summary>Plays the story: three comments, of which the viewer sees one as it is made.</summary>
    /// <inheritdoc cref="Story"/>
    public static async Task PlayAsync(OrleansStreamClient client, TextWriter output, CancellationToken stop)
    {
        const string topic = "comments";
        await client.Admin.Topics.CreateAsync(topic, partitions: 3, cancellationToken: stop);
        var since = TimeProvider.System.GetUtcNow();
        await using var wall = new CommentWall(client, topic, "final");
        await wall.AddAsync(new Comment("Ana", "What a pass!"), stop);
        await wall.AddAsync(new Comment("Ben", "Offside?"), stop);

        using var left = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var isThere = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var viewer = wall.WatchAsync(
            since,
            (comment, _) =>
            {
                output.WriteLine($"{comment.Author}: {comment.Text}");
                isThere.TrySetResult();
                if (comment.Author == "Chi")
                    left.Cancel();
            },
            left.Token);
        await isThere.Task.WaitAsync(stop);
        await wall.AddAsync(new Comment("Chi", "Goal!"), stop);
        await viewer.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
