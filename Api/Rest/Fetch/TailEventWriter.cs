using System.Buffers;
using System.Text;
using System.Text.Json;
using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Gateway.Reading.Tails;
using OrleansStream.HttpErrors;
using OrleansStream.Records;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Fetch;

/// <summary>Writes the events of a live tail as server-sent events.</summary>
/// <remarks>
/// It does not use <c>System.Net.ServerSentEvents.SseFormatter</c>, which holds each event whole in memory, and supports neither comments nor events
/// that have only an id.
/// </remarks>
/// <param name="answer">Takes the bytes of events.</param>
/// <param name="views">The form of keys and values.</param>
internal sealed class TailEventWriter(AnswerWriter answer, PayloadViews views) : ITailSink
{
    private readonly ArrayBufferWriter<byte> _token = new();
    private bool _isDocumentOpen;

    /// <inheritdoc/>
    public bool MustWait => answer.MustWait;

    /// <inheritdoc/>
    public ValueTask GoOnAsync() => answer.GoOnAsync();

    /// <inheritdoc/>
    public ValueTask FlushAsync() => answer.FlushAsync();

    /// <inheritdoc/>
    public void Write(OpenBatch batch, int partition, in RecordView record)
    {
        BeginDocument();
        answer.Write(batch, partition, record, views);
    }

    /// <inheritdoc/>
    public void WriteUnreadable(int partition, in UnreadableRecords records)
    {
        BeginDocument();
        RecordJsonWriter.WriteUnreadable(answer.Json, partition, records);
    }

    /// <summary>
    /// Ends an event, with its id as the last line. Some readers take over an id when they read its line, even if the event is cut off behind it.
    /// </summary>
    /// <inheritdoc/>
    public bool EndEvent(Guid topicId, ReadOnlySpan<long> offsets, bool isPlaceNeeded)
    {
        if (_isDocumentOpen)
        {
            _isDocumentOpen = false;
            answer.EndDocument();
            answer.WriteText("\n"u8);
        }

        _token.ResetWrittenCount();
        TailToken.Write(topicId, offsets, _token);
        var hasId = isPlaceNeeded || _token.WrittenCount <= FetchLimits.TailTokenPerEventBytes;
        if (hasId)
        {
            answer.WriteText("id: "u8);
            answer.WriteText(_token.WrittenSpan);
            answer.WriteText("\n"u8);
        }

        answer.WriteText("\n"u8);
        return hasId;
    }

    /// <summary>Tells the client how soon to connect again. This also shows it at once that it is connected.</summary>
    public void WriteConnected() => answer.WriteText("retry: 1000\n\n"u8);

    /// <inheritdoc/>
    public void WriteHeartbeat() => answer.WriteText(": heartbeat\n\n"u8);

    /// <inheritdoc/>
    public void WriteGaps(IEnumerable<TailGap> gaps)
    {
        var isFirst = true;
        foreach (var gap in gaps)
        {
            if (!isFirst)
                answer.WriteText("\n"u8);
            WriteText(
                $"event: gap\ndata: {{\"partition\":{gap.Partition},\"from\":{gap.From},\"to\":{gap.To},\"reason\":\"{NameOf(gap.Reason)}\",\"topic_id\":\"{gap.TopicId:D}\"}}\n");
            isFirst = false;
        }
    }

    /// <inheritdoc/>
    public void WriteUnbound(Guid topicId) => WriteText(
        $"event: unbound\ndata: {{\"topic_id\":\"{topicId:D}\",\"detail\":\"The Last-Event-ID is of an older version and names no topic. "
        + "If the topic was created again since, its records before these offsets are skipped.\"}\n");

    /// <inheritdoc/>
    public void WriteUnavailable(int partition, long offset, StreamError reason)
    {
        WriteText($"event: unavailable\ndata: {{\"partition\":{partition},\"offset\":{offset},\"error\":");
        answer.WriteText(JsonSerializer.SerializeToUtf8Bytes(Problems.Of(reason), ApiJsonContext.Api.Problem));
        answer.WriteText("}\n\n"u8);
    }

    /// <inheritdoc/>
    public void WriteError(StreamError reason)
    {
        answer.WriteText("event: error\ndata: "u8);
        answer.WriteText(JsonSerializer.SerializeToUtf8Bytes(Problems.Of(reason), ApiJsonContext.Api.Problem));
        answer.WriteText("\n\n"u8);
    }

    private static string NameOf(TailGapReason reason) => reason switch
    {
        TailGapReason.RecordsDeleted => "records_deleted",
        TailGapReason.OffsetBeyondEnd => "offset_beyond_end",
        TailGapReason.TopicRecreated => "topic_recreated",
        _ => throw new ArgumentOutOfRangeException(nameof(reason)),
    };

    private void BeginDocument()
    {
        answer.WriteText("data: "u8);
        _isDocumentOpen = true;
    }

    private void WriteText(string text) => answer.WriteText(Encoding.UTF8.GetBytes(text));
}
