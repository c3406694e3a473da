using System.Diagnostics;
using OrleansStream.Client.Telemetry;

namespace OrleansStream.Client.Producing;

/// <summary>Is told what became of records.</summary>
internal interface IDelivery
{
    /// <summary>Tells of records in a row: all failed alike, or they are stored one after the other.</summary>
    /// <param name="index">The first one's place among those of this delivery.</param>
    /// <param name="count">How many of them.</param>
    /// <param name="first">What became of the first.</param>
    void Tell(int index, int count, in SendResult first);
}

/// <summary>Records of a batch that somebody waits for: one, or several in a row of one time, as those of a list are.</summary>
/// <param name="Delivery">Is told.</param>
/// <param name="Index">The first one's place among those of the delivery.</param>
/// <param name="Place">The first one's place in the batch.</param>
/// <param name="Count">How many of them.</param>
/// <param name="TimestampMs">Their time, in milliseconds since the Unix epoch.</param>
internal record struct AwaitedRecords(IDelivery Delivery, int Index, int Place, int Count, long TimestampMs)
{
    /// <summary>Whether a further record goes on where these end.</summary>
    /// <param name="delivery">Is told of it.</param>
    /// <param name="index">Its place among those of the delivery.</param>
    /// <param name="place">Its place in the batch.</param>
    /// <param name="timestampMs">Its time.</param>
    public readonly bool IsFollowedBy(IDelivery delivery, int index, int place, long timestampMs) =>
        Delivery == delivery && Index + Count == index && Place + Count == place && TimestampMs == timestampMs;
}

/// <summary>One record that somebody waits for.</summary>
/// <param name="activity">Its span; null for none.</param>
internal sealed class SingleDelivery(Activity? activity)
    : TaskCompletionSource<SendResult>(TaskCreationOptions.RunContinuationsAsynchronously), IDelivery
{
    /// <inheritdoc/>
    public void Tell(int index, int count, in SendResult first)
    {
        if (first.Error is { } error)
        {
            ClientTelemetry.Fail(activity, error.ErrorCode);
            EndSpan();
            TrySetException(error);
            return;
        }

        activity?.SetTag("messaging.destination.partition.id", first.Partition.ToString()).SetTag("messaging.kafka.offset", first.Offset);
        EndSpan();
        TrySetResult(first);
    }

    // A span that ends makes the one current in which it was begun. That is the sender's, and the batch's next callback is not the sender's.
    private void EndSpan()
    {
        var current = Activity.Current;
        ClientTelemetry.End(activity);
        Activity.Current = current;
    }
}

/// <summary>One record of which a program is told.</summary>
/// <param name="delivered">Is told.</param>
internal sealed class ToldDelivery(Action<SendResult> delivered) : IDelivery
{
    /// <inheritdoc/>
    public void Tell(int index, int count, in SendResult first)
    {
        try
        {
            delivered(first);
        }
        catch (Exception)
        {
            // It is the program's own, and says nothing of the batch: the other records are told of theirs.
        }
    }
}

/// <summary>Several records that somebody waits for together.</summary>
/// <param name="count">How many of them.</param>
internal sealed class ManyDelivery(int count)
    : TaskCompletionSource<List<SentRun>>(TaskCreationOptions.RunContinuationsAsynchronously), IDelivery
{
    private readonly List<SentRun> _runs = [];
    private int _left = count;

    /// <inheritdoc/>
    public void Tell(int index, int count, in SendResult first)
    {
        lock (_runs)
        {
            _runs.Add(new SentRun(index, count, first));
            _left -= count;
            if (_left > 0)
                return;
        }

        TrySetResult(_runs);
    }
}
