using OrleansStream.Client;
using OrleansStream.Client.Producing;

namespace OrleansStream.Examples;

/// <summary>Something that happened in a match.</summary>
/// <param name="Match">The match, such as <c>peru-chile</c>.</param>
/// <param name="Minute">The minute.</param>
/// <param name="Text">What happened.</param>
/// <param name="Score">The score after it.</param>
public sealed record MatchEvent(string Match, int Minute, string Text, string Score);

/// <summary>
/// Match updates on a website. Reporters send what happens; every web server shows all of it. The match is the key, so the events of a match stay in
/// order, although many reporters send at once and the topic has several partitions.
/// </summary>
/// <param name="client">The client.</param>
/// <param name="topic">The topic; it must exist.</param>
public sealed class MatchUpdates(OrleansStreamClient client, string topic)
{
    /// <summary>What a reporter does: sends the events of one match, in their order.</summary>
    /// <param name="events">The events.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task ReportAsync(IEnumerable<MatchEvent> events, CancellationToken cancellationToken = default)
    {
        await using var producer = client.CreateProducer(topic);
        foreach (var update in events)
        {
            // Enqueue does not wait for the answer, and keeps the order all the same.
            await producer.EnqueueAsync(new OutgoingRecord<MatchEvent>(update.Match, update), cancellationToken);
        }

        await producer.FlushAsync(cancellationToken); // throws if one is not stored
    }

    /// <summary>
    /// What a web server does: shows every event, from the first one of the topic on and then live. It belongs to no group, since each server shows
    /// everything. A restarted server shows the same again.
    /// </summary>
    /// <param name="show">Puts an event on the page of its match.</param>
    /// <param name="stop">Ends it, with an <see cref="OperationCanceledException"/>.</param>
    public async Task ShowAsync(Action<MatchEvent> show, CancellationToken stop)
    {
        await foreach (var update in client.Read<MatchEvent>(topic, options => options.Follow = true).WithCancellation(stop))
            show(update.Value!);
    }

    /// <summary>Plays the story: two matches at the same time, and one website.</summary>
    /// <inheritdoc cref="Story"/>
    public static async Task PlayAsync(OrleansStreamClient client, TextWriter output, CancellationToken stop)
    {
        const string topic = "match-updates";
        await client.Admin.Topics.CreateAsync(topic, partitions: 6, cancellationToken: stop);
        var updates = new MatchUpdates(client, topic);
        MatchEvent[] first = [new("peru-chile", 0, "kick-off", "0-0"), new("peru-chile", 12, "goal", "1-0"), new("peru-chile", 90, "end", "1-0")];
        MatchEvent[] second = [new("japan-ghana", 0, "kick-off", "0-0"), new("japan-ghana", 44, "goal", "0-1"), new("japan-ghana", 90, "end", "0-1")];
        await Task.WhenAll(updates.ReportAsync(first, stop), updates.ReportAsync(second, stop));

        var ended = 0;
        using var shown = CancellationTokenSource.CreateLinkedTokenSource(stop);
        try
        {
            await updates.ShowAsync(
                update =>
                {
                    output.WriteLine($"{update.Match} {update.Minute}': {update.Text} {update.Score}");
                    if (update.Text == "end" && ++ended == 2)
                        shown.Cancel();
                },
                shown.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // Both matches are over.
        }
    }
}
