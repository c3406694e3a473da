using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Security;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Appending;

/// <summary>
/// The appends of one caller who does not wait for one before it begins the next, such as a connection: those to one partition are made in the order in
/// which they were begun. Safe for any thread.
/// </summary>
/// <param name="appender">Makes them.</param>
/// <param name="known">Knows which topics there are.</param>
public sealed class OrderedAppends(RecordsAppender appender, KnownTopics known)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Topic, int Partition), Task> _last = [];

    /// <summary>Begins an append. Its place behind the earlier ones is taken when this returns.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="partition">The partition's number.</param>
    /// <param name="batches">Whole batches; the memory is the caller's alone, and in use as <see cref="AppendRecords"/> says.</param>
    /// <param name="acks">When it is answered.</param>
    /// <returns>What came of it; failures of servers and lines are errors in it.</returns>
    public Task<AppendOutcome> BeginAsync(Caller caller, string topic, int partition, Memory<byte> batches, Acks acks)
    {
        lock (_gate)
        {
            var before = _last.GetValueOrDefault((topic, partition)) ?? Task.CompletedTask;
            var append = AppendAsync(before, caller, topic, new AppendRecords(batches, partition, default, acks, ExpectedNextOffset: null));
            if (append.IsCompleted)
                return append;
            _last[(topic, partition)] = append;
            _ = ForgetAsync((topic, partition), append);
            return append;
        }
    }

    private async Task<AppendOutcome> AppendAsync(Task before, Caller caller, string topic, AppendRecords records)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            if (!known.IsKnown(topic))
                await known.RequireAsync(caller, topic, CancellationToken.None);
        }
        catch (StreamException exception)
        {
            return AppendOutcome.Refused(exception.Error);
        }

        return await appender.AppendAsync(caller, topic, records);
    }

    private async Task ForgetAsync((string Topic, int Partition) partition, Task append)
    {
        await append.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_gate)
        {
            if (_last.GetValueOrDefault(partition) == append)
                _last.Remove(partition);
        }
    }
}
