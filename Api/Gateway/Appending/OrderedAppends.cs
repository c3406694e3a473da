using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Security;
using OrleansStream.Partitions;
using OrleansStream.Records;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Gateway.Appending;

/// <summary>
/// The appends of one caller that begins the next append before the last one has ended, such as a Kafka connection. The appends to one partition are
/// stored in the order in which they were begun. Safe for any thread.
/// </summary>
/// <remarks>
/// While one log of this process takes all of them, they are under way at the same time and share its writes. If the partition is led by another
/// process, or moves, each append waits until those before it have ended.
/// </remarks>
/// <param name="appender">Makes the appends.</param>
/// <param name="known">Knows which topics there are.</param>
/// <param name="findLeader">
/// Tells at each append which silo must lead the partition, if the batch names its producer; null for whichever leads it. A producer sends its next
/// batches to the new leader of a partition before the old leader has answered all earlier ones. If the old leader passed those on, and answered that
/// they are stored, the producer could learn this before it learns that the new leader refused the next batch as out of order. It would take that for
/// a loss.
/// </param>
public sealed class OrderedAppends(RecordsAppender appender, KnownTopics known, Func<SiloAddress?> findLeader)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Topic, int Partition), Line> _lines = [];

    /// <summary>Begins an append. When this returns, the append has its place behind the earlier ones.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="partition">The partition's number.</param>
    /// <param name="batches">
    /// One batch, which is stored as one or refused as a whole, so that its records keep their order and follow each other. The memory is the
    /// caller's alone, and in use as <see cref="AppendRecords"/> says.
    /// </param>
    /// <param name="acks">When it is answered.</param>
    /// <returns>What came of it; failures of servers and lines are errors in it.</returns>
    public Task<RecordsAppendOutcome> BeginAsync(Caller caller, string topic, int partition, Memory<byte> batches, Acks acks)
    {
        lock (_gate)
        {
            if (!_lines.TryGetValue((topic, partition), out var line))
                _lines[(topic, partition)] = line = new Line();
            var isNamed = RecordBatchHeader.TryRead(batches.Span, out var header) && header.HasProducer;
            var records = new AppendRecords(batches, partition, default, acks, ExpectedNextOffset: null)
            {
                HasWholeBatches = true, RequiredLeader = isNamed ? findLeader() : null,
            };
            var affinity = new AppendAffinity(line.Log);
            var append = line.Count == 0 || line.Log is not null
                ? AppendAsync(line.Last, caller, topic, records, affinity, isNamed)
                : AppendBehindAsync(line.Last, caller, topic, records);
            line.Count++;
            line.Log = affinity.Log;
            line.Last = EndAsync((topic, partition), line, line.Last, append);
            return append;
        }
    }

    private async Task<RecordsAppendOutcome> AppendAsync(
        Task before, Caller caller, string topic, AppendRecords records, AppendAffinity affinity, bool isNamed)
    {
        var outcome = await AppendNowAsync(caller, topic, records with { Affinity = affinity });
        if (!affinity.IsRefused)
            return outcome;
        // The appends before it go to another log, so it goes behind them. A batch without a producer of its own must not be sent again if it may be
        // stored.
        if (!isNamed && MayBeStored(outcome.Response))
            return outcome;
        if (!isNamed)
            RecordBatchHeader.ClearProducers(records.Batches.Span);
        var again = await AppendBehindAsync(before, caller, topic, records);
        return again with { IsMemoryFree = again.IsMemoryFree && outcome.IsMemoryFree };
    }

    private static bool MayBeStored(RecordsAppendResponse response) =>
        RecordsAppender.HasOpenOutcome(response) || response.Parts.Any(part => part.Response.Error is null);

    private async Task<RecordsAppendOutcome> AppendBehindAsync(Task before, Caller caller, string topic, AppendRecords records)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return await AppendNowAsync(caller, topic, records);
    }

    private async ValueTask<RecordsAppendOutcome> AppendNowAsync(Caller caller, string topic, AppendRecords records)
    {
        try
        {
            if (!known.IsKnown(topic))
                await known.RequireAsync(caller, topic, CancellationToken.None);
        }
        catch (StreamException exception)
        {
            return RecordsAppendOutcome.Refused(exception.Error);
        }

        return await appender.AppendAsync(caller, topic, records);
    }

    /// <summary>Ends with an append and all before it.</summary>
    private async Task EndAsync((string Topic, int Partition) partition, Line line, Task before, Task append)
    {
        await before;
        await append.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_gate)
        {
            if (--line.Count == 0)
                _lines.Remove(partition);
        }
    }

    /// <summary>The appends to one partition that have not ended.</summary>
    private sealed class Line
    {
        /// <summary>The count of them.</summary>
        public int Count { get; set; }

        /// <summary>The log in which all of them have their places; null when that is not so.</summary>
        public object? Log { get; set; }

        /// <summary>Ends with the last of them, and never fails.</summary>
        public Task Last { get; set; } = Task.CompletedTask;
    }
}
