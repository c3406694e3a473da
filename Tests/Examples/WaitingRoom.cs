using OrleansStream.Client;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Producing;

namespace OrleansStream.Examples;

/// <summary>
/// A waiting room before a shop that sells few tickets to many. The topic has one partition, so a visitor's offset is the number in the queue: nobody
/// overtakes, whichever web server took the visitor in. What the door has committed says how many were let in.
/// </summary>
public sealed class WaitingRoom : IAsyncDisposable
{
    private const string Door = "door";

    private readonly OrleansStreamClient _client;
    private readonly string _topic;
    private readonly StreamProducer _producer;

    /// <summary>Opens the room on a web server.</summary>
    /// <param name="client">The client.</param>
    /// <param name="topic">The topic; it must exist, with one partition.</param>
    public WaitingRoom(OrleansStreamClient client, string topic)
    {
        (_client, _topic) = (client, topic);
        _producer = client.CreateProducer(topic);
    }

    /// <summary>A visitor comes.</summary>
    /// <param name="visitor">Who.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The number in the queue. It is durable once it is returned: the visitor keeps it if every server restarts.</returns>
    public async Task<long> EnterAsync(string visitor, CancellationToken cancellationToken = default) =>
        (await _producer.SendAsync(key: null, visitor, cancellationToken)).Offset;

    /// <summary>How many are before a visitor.</summary>
    /// <param name="number">The visitor's number.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The count; 0 when it is the visitor's turn, or it was.</returns>
    public async Task<long> CountBeforeAsync(long number, CancellationToken cancellationToken = default)
    {
        try
        {
            var committed = await _client.Admin.Groups.GetOffsetsAsync(Door, _topic, cancellationToken);
            return Math.Max(0, number - (committed.Offsets is [{ } door, ..] ? door.Offset : 0));
        }
        catch (StreamServiceException exception) when (exception.ErrorCode == "GROUP_ID_NOT_FOUND")
        {
            // The door has not opened yet.
            return number;
        }
    }

    /// <summary>Lets the next visitors in, in the order of their numbers. It waits for those who have not come yet.</summary>
    /// <param name="count">How many: as many as the shop has room for.</param>
    /// <param name="letIn">Lets a visitor in. After a crash it may be called again for the last one.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task OpenAsync(int count, Action<string> letIn, CancellationToken cancellationToken = default)
    {
        if (count == 0)
            return;
        var visitors = _client.Consume<string>(Door, _topic, options => options.MaxRecords = count);
        await foreach (var visitor in visitors.WithCancellation(cancellationToken))
        {
            letIn(visitor.Value!);
            if (--count > 0)
                continue;
            visitor.Complete(); // or the next opening begins with the same visitor
            break;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _producer.DisposeAsync();

    /// <summary>Plays the story: five visitors, and room for two.</summary>
    /// <inheritdoc cref="Story"/>
    public static async Task PlayAsync(OrleansStreamClient client, TextWriter output, CancellationToken stop)
    {
        const string topic = "waiting-room";
        await client.Admin.Topics.CreateAsync(topic, partitions: 1, cancellationToken: stop);
        await using var room = new WaitingRoom(client, topic);
        var numbers = await Task.WhenAll(new[] { "Ana", "Ben", "Chi", "Dov", "Eva" }.Select(visitor => room.EnterAsync(visitor, stop)));
        var last = numbers.Max();
        await output.WriteLineAsync($"{await room.CountBeforeAsync(last, stop)} before the last one");
        await room.OpenAsync(2, visitor => output.WriteLine($"{visitor} comes in"), stop);
        await output.WriteLineAsync($"{await room.CountBeforeAsync(last, stop)} before the last one");
    }
}
