using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using OrleansStream.Gateway.Groups;
using OrleansStream.Records;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Groups;

/// <summary>
/// Writes the answer to a poll in parts, in the order of its records. A run of plain records of one partition is a part with record batches: the
/// stored batch where all of it is delivered, and a batch of the delivered records where that is only a piece of one. Records of which more is told
/// (a story, an attempt, why they cannot be read) are in parts with JSON, and so is a long record out of a piece of a batch, which is written in
/// pieces. The last part is JSON and has the member's state and the cursor, so an answer that was cut off has no cursor.
/// </summary>
/// <remarks>
/// A part with batches has no length before it. Its end is the delimiter, and a batch says how long it is. Nobody can store bytes that look like a
/// delimiter, because it is random and chosen after the records were stored.
/// </remarks>
/// <param name="answer">Takes the answer's bytes.</param>
/// <param name="poll">The poll, whose delivery has begun.</param>
/// <param name="views">The form of keys and values in JSON.</param>
internal sealed class PollPartsWriter(AnswerWriter answer, GroupPoll poll, PayloadViews views) : IPolledRecordSink, IDisposable
{
    private const int BoundaryLength = 32;

    private readonly string _boundary = RandomNumberGenerator.GetHexString(BoundaryLength, lowercase: true);
    private readonly RecordBatchWriter _piece = new();
    private PartKind _kind;
    private string _topic = "";
    private int _partition;
    private long _nextOffset;
    private long _baseTimestampMs;
    private ReadOnlyMemory<byte> _unsent;

    private enum PartKind
    {
        None,
        Json,
        Batches,
    }

    /// <summary>The answer's content type, with the boundary of its parts.</summary>
    public string ContentType => $"{MediaTypes.Multipart}; boundary={_boundary}";

    bool IPolledRecordSink.MustWait => answer.MustWait || !_unsent.IsEmpty || _piece.LengthBytes >= JsonLimits.ResponseFlushBytes;

    bool IPolledRecordSink.IsFull => answer.Length + _piece.LengthBytes > JsonLimits.ResponseBytesTarget;

    bool IPolledRecordSink.TakesBatches => true;

    private Utf8JsonWriter Json => answer.Json;

    /// <summary>Writes the answer.</summary>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    public async ValueTask WriteAsync()
    {
        var delivered = await poll.DeliverAsync(this);
        await GoOnAsync();
        BeginJson();
        Json.WriteEndArray();
        PollJsonWriter.WriteMember(Json, poll);
        PollJsonWriter.WriteDelivered(Json, delivered);
        Json.WriteEndObject();
        answer.EndDocument();
        WriteText($"\r\n--{_boundary}--\r\n");
        await answer.EndAsync();
    }

    /// <inheritdoc/>
    public void Dispose() => _piece.Dispose();

    ValueTask IPolledRecordSink.GoOnAsync() => GoOnAsync();

    void IPolledRecordSink.Write(in PolledRecord record)
    {
        var lengthBytes = record.Record.Key.Length + (long)record.Record.Value.Length + record.Record.EncodedHeaders.Length;
        if (record.Story is null && record.Attempt == 1 && lengthBytes <= JsonLimits.ResponsePieceBytes)
        {
            Encode(record);
            return;
        }

        BeginJson();
        answer.Write(record.Batch, record.Partition, record.Record, views, record.Topic, record.Story, record.Attempt);
    }

    void IPolledRecordSink.WriteBatch(string topic, int partition, ReadOnlyMemory<byte> batch)
    {
        EndPiece();
        BeginBatches(topic, partition);
        if (batch.Length <= JsonLimits.ResponsePieceBytes)
            answer.WriteText(batch.Span);
        else
            _unsent = batch;
    }

    void IPolledRecordSink.WriteUnreadable(string topic, int partition, in UnreadableRecords unreadable)
    {
        BeginJson();
        RecordJsonWriter.WriteUnreadable(Json, partition, unreadable, topic);
    }

    private async ValueTask GoOnAsync()
    {
        EndPiece();
        if (!_unsent.IsEmpty)
        {
            var batch = _unsent;
            _unsent = default;
            await answer.SendAsync(batch);
        }

        await answer.GoOnAsync();
    }

    private void Encode(in PolledRecord polled)
    {
        var record = polled.Record;
        var goesOn = _piece.Count > 0 && _partition == polled.Partition && _nextOffset == record.Offset && _topic == polled.Topic
            && IsWithinReach(record.TimestampMs);
        if (!goesOn)
        {
            EndPiece();
            BeginBatches(polled.Topic, polled.Partition);
            _piece.Reset(new RecordBatchOptions { BaseOffset = record.Offset });
            _baseTimestampMs = record.TimestampMs;
        }

        _piece.Append(record.TimestampMs, record.Key, record.HasKey, record.Value, record.HasValue, record.EncodedHeaders);
        _nextOffset = record.Offset + 1;
    }

    // A batch has the differences of its records' times, and times of any 64 bits can be stored.
    private bool IsWithinReach(long timestampMs) =>
        (Int128)timestampMs - _baseTimestampMs is var difference && difference >= long.MinValue && difference <= long.MaxValue;

    private void EndPiece()
    {
        if (_piece.Count == 0)
            return;
        _piece.Finish();
        answer.WriteText(_piece.WrittenBatch().Span);
        _piece.Reset(new RecordBatchOptions());
    }

    private void BeginBatches(string topic, int partition)
    {
        if (_kind == PartKind.Batches && _partition == partition && _topic == topic)
            return;
        BeginPart(PartKind.Batches, $"Content-Type: {MediaTypes.RecordBatch}\r\nTopic: {topic}\r\nPartition: {partition}");
        (_topic, _partition) = (topic, partition);
    }

    private void BeginJson()
    {
        EndPiece();
        if (_kind == PartKind.Json)
            return;
        BeginPart(PartKind.Json, $"Content-Type: {MediaTypes.Json}");
        Json.WriteStartObject();
        Json.WriteStartArray("records"u8);
    }

    private void BeginPart(PartKind kind, string headers)
    {
        if (_kind == PartKind.Json)
        {
            Json.WriteEndArray();
            Json.WriteEndObject();
            answer.EndDocument();
        }

        WriteText($"{(_kind == PartKind.None ? "" : "\r\n")}--{_boundary}\r\n{headers}\r\n\r\n");
        _kind = kind;
    }

    private void WriteText(string text) => answer.WriteText(Encoding.ASCII.GetBytes(text));
}
