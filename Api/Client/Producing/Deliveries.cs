using System.Diagnostics;
using OrleansStream.Client.Telemetry;

namespace OrleansStream.Client.Producing;

/// <summary>Is told what became of records.</summary>
internal interface IDelivery
{
    /// <summary>Tells of one record.</summary>
    /// <param name="index">Its place among those of this delivery.</param>
    /// <param name="result">What became of it.</param>
    void Tell(int index, in SendResult result);
}

/// <summary>Records of a batch that somebody waits for: one, or several in a row of one time, as those of a list are.</summary>
/// <param name="Delivery">Is told.</param>
/// <param name="Index">The first one's place among those of the delivery.</param>
/// <param name="Place">The first one's place in the batch.</param>
/// <param name="Count">How many of them.</param>
/// <param name="TimestampMs">Their time, in milliseconds since the Unix epoch.</param>
internal readonly record struct AwaitedRecords(IDelivery Delivery, int Index, int Place, int Count, long TimestampMs)
{
    /// <summary>Whether a further record goes on where these end.</summary>
    /// <param name="delivery">Is told of it.</param>
    /// <param name="index">Its place among those of the delivery.</param>
    /// <param name="place">Its place in the batch.</param>
    /// <param name="timestampMs">Its time.</param>
    public bool IsFollowedBy(IDelivery delivery, int index, int place, long timestampMs) =>
        Delivery == delivery && Index + Count == index && Place + Count == place && TimestampMs == timestampMs;
}

/// <summary>One record that somebody waits for.</summary>
/// <param name="activity">Its span; null for none.</param>
internal sealed class SingleDelivery(Activity? activity)
    : TaskCompletionSource<SendResult>(TaskCreationOptions.RunContinuationsAsynchronously), IDelivery
{
    /// <inheritdoc/>
    public void Tell(int index, in SendResult result)
    {
        if (result.Error is { } error)
        {
            ClientTelemetry.Fail(activity, error.ErrorCode);
            activity?.Dispose();
            TrySetException(error);
            return;
        }

        activity?.SetTag("messaging.destination.partition.id", result.Partition.ToString()).SetTag("messaging.kafka.offset", result.Offset);
        activity?.Dispose();
        TrySetResult(result);
    }
}

/// <summary>One record of which a program is told.</summary>
/// <param name="delivered">Is told.</param>
internal sealed class ToldDelivery(Action<SendResult> delivered) : IDelivery
{
    /// <inheritdoc/>
    public void Tell(int index, in SendResult result)
    {
        try
        {
            delivered(result);
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
    : TaskCompletionSource<IReadOnlyList<SendResult>>(TaskCreationOptions.RunContinuationsAsynchronously), IDelivery
{
    private readonly SendResult[] _results = new SendResult[count];
    private int _left = count;

    /// <inheritdoc/>
    public void Tell(int index, in SendResult result)
    {
        _results[index] = result;
        if (Interlocked.Decrement(ref _left) == 0)
            TrySetResult(_results);
    }
}
