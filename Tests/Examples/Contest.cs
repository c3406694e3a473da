using OrleansStream.Client;
using OrleansStream.Client.Producing;

namespace OrleansStream.Examples;

/// <summary>An answer that somebody sent in.</summary>
/// <param name="Contestant">Who.</param>
/// <param name="Text">The answer.</param>
public sealed record Submission(string Contestant, string Text);

/// <summary>
/// A contest in which everybody answers in the last minute. An answer is durable before its sender reads "received", the service's clock says when it
/// came, and the judges work on what has gathered at their own pace. While the burst lasts, the producer's memory stays within its bound: senders
/// wait.
/// </summary>
public sealed class Contest : IAsyncDisposable
{
    /// <summary>The memory for answers that are not stored yet, in bytes.</summary>
    public const int BufferBytes = 256 * 1024;

    private const string Judges = "judges";

    private readonly OrleansStreamClient _client;
    private readonly StreamProducer _producer;

    /// <summary>Takes part in a contest: as a web server that takes answers, or as a judge.</summary>
    /// <param name="client">The client.</param>
    /// <param name="topic">The topic, of <see cref="CreateTopicAsync"/>.</param>
    public Contest(OrleansStreamClient client, string topic)
    {
        (_client, Topic) = (client, topic);
        _producer = client.CreateProducer(topic, options => options.BufferBytes = BufferBytes);
    }

    /// <summary>The topic.</summary>
    public string Topic { get; }

    /// <summary>The memory that answers take that are not stored yet, in bytes.</summary>
    public long BufferedBytes => _producer.BufferedBytes;

    /// <summary>Makes the topic, in which the service's clock dates each record: a contestant's own clock decides nothing.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task CreateTopicAsync(CancellationToken cancellationToken = default) => _client.Admin.Topics.CreateAsync(
        Topic, partitions: 3, new Dictionary<string, string> { ["message.timestamp.type"] = "LogAppendTime" }, cancellationToken);

    /// <summary>Takes an answer.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The receipt: where the answer is stored.</returns>
    public async Task<string> SubmitAsync(Submission answer, CancellationToken cancellationToken = default)
    {
        var stored = await _producer.SendAsync(answer.Contestant, answer, cancellationToken);
        return $"{stored.Partition}-{stored.Offset}";
    }

    /// <summary>Has a judge work on the answers. Several judges share them.</summary>
    /// <param name="judge">Judges an answer. Its arguments are the answer, its receipt, and when it came.</param>
    /// <param name="stop">Tells the judge to stop, after the answers that are begun.</param>
    public Task JudgeAsync(Func<Submission, string, DateTimeOffset, Task> judge, CancellationToken stop) =>
        _client.Consume<Submission>(Judges, Topic, options => options.Concurrency = 8).RunAsync(
            (record, _) => judge(record.Value!, $"{record.Partition}-{record.Offset}", record.Timestamp!.Value), stop);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _producer.DisposeAsync();

    /// <summary>Plays the story: a thousand answers at once, and one judge.</summary>
    /// <inheritdoc cref="Story"/>
    public static async Task PlayAsync(OrleansStreamClient client, TextWriter output, CancellationToken stop)
    {
        const int count = 1_000;
        await using var contest = new Contest(client, "contest-answers");
        await contest.CreateTopicAsync(stop);
        var receipts = await Task.WhenAll(Enumerable.Range(0, count).Select(i => contest.SubmitAsync(new Submission($"contestant-{i}", $"{i % 7}"), stop)));
        await output.WriteLineAsync($"{receipts.Distinct().Count()} received");

        var (judged, right) = (0, 0);
        using var all = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await contest.JudgeAsync(
            async (answer, _, _) =>
            {
                if (answer.Text == "6")
                    Interlocked.Increment(ref right);
                if (Interlocked.Increment(ref judged) == count)
                    await all.CancelAsync();
            },
            all.Token);
        await output.WriteLineAsync($"{judged} judged, {right} are right");
    }
}
