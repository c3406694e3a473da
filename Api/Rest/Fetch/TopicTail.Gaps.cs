using System.Text;
using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Rest.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Fetch;

/// <summary>The places at which a tail does not go on where it stood, and what it says of them.</summary>
internal sealed partial class TopicTail
{
    /// <summary>The place that the client came back with; null when it did not.</summary>
    private TailPlace? _resumed;

    private static bool IsTopicGone(StreamError error) =>
        error.Code is StreamErrorCode.UnknownTopicOrPartition or StreamErrorCode.UnknownTopicId;

    /// <summary>
    /// Goes on at the start of the log when the offset is none of it: its records were deleted by retention or by a request; or, beyond the
    /// end, the log has lost them.
    /// </summary>
    private async ValueTask SkipGapAsync(int partition, StreamError error, CancellationToken cancellationToken)
    {
        long start = error.LogStartOffset ?? 0;
        await _turn.WaitAsync(cancellationToken);
        try
        {
            string reason = _positions[partition] > error.HighWatermark ? "offset_beyond_end" : "records_deleted";
            WriteGap(partition, _positions[partition], start, reason);
            _positions[partition] = start;
            EndEvent(isIdForced: true);
            await answer.FlushAsync();
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Tells a client that came back when its place is of a topic that was deleted since, or when that cannot be known.</summary>
    private async ValueTask TellOfResumedPlaceAsync(CancellationToken cancellationToken)
    {
        if (_resumed is { } place && place.TopicId is null)
            await SendUnboundAsync(cancellationToken);
        else if (_resumed is not null && _resumed.TopicId != _topicId)
            await SendRecreatedAsync(_resumed.Offsets.OrderBy(pair => pair.Key), cancellationToken);
    }

    /// <summary>Goes on in the topic that now has the name, from its start; ends the tail when there is none.</summary>
    private async ValueTask FindTopicAnewAsync(CancellationTokenSource ended)
    {
        TopicResponse? response = await AskTopicAsync(ended.Token);
        if (response?.Error is { } error && !ErrorMap.Of(error.Code).Retriable)
        {
            await FailAsync(error, ended);
        }
        else if (response?.Topic is not { } found || found.Id == _topicId)
        {
            // Some part of the cluster does not know yet what another knows.
            await Task.Delay(ReadingLimits.TailRetry, time, ended.Token);
        }
        else
        {
            KeyValuePair<int, long>[] before = [.. _positions.Select((position, partition) => KeyValuePair.Create(partition, position))];
            _topicId = found.Id;
            _positions = new long[found.PartitionCount];
            await SendRecreatedAsync(before, ended.Token);
        }
    }

    /// <summary>One gap for each partition of the topic that was deleted. The last one has the id, so a client that was cut off gets all again.</summary>
    private async ValueTask SendRecreatedAsync(IEnumerable<KeyValuePair<int, long>> before, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            bool isFirst = true;
            foreach ((int partition, long position) in before)
            {
                if (!isFirst)
                    answer.WriteText("\n"u8);
                WriteGap(partition, position, to: 0, "topic_recreated");
                isFirst = false;
            }

            EndEvent(isIdForced: true);
            await answer.FlushAsync();
        }
        finally
        {
            _turn.Release();
        }
    }

    private async ValueTask SendUnboundAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            answer.WriteText(Encoding.UTF8.GetBytes(
                $"event: unbound\ndata: {{\"topic_id\":\"{_topicId:D}\",\"detail\":\"The Last-Event-ID is of an older version and names no topic. "
                + "If the topic was created anew since, its records before these offsets are passed over.\"}\n"));
            EndEvent(isIdForced: true);
            await answer.FlushAsync();
        }
        finally
        {
            _turn.Release();
        }
    }

    private void WriteGap(int partition, long from, long to, string reason) => answer.WriteText(Encoding.UTF8.GetBytes(
        $"event: gap\ndata: {{\"partition\":{partition},\"from\":{from},\"to\":{to},\"reason\":\"{reason}\",\"topic_id\":\"{_topicId:D}\"}}\n"));
}
