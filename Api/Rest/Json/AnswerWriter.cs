using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using OrleansStream.Groups;
using OrleansStream.Records;

namespace OrleansStream.Rest.Json;

/// <summary>
/// Writes an answer of records while it is made. Its memory is a constant, whatever its length: what has gathered is sent at
/// <see cref="JsonLimits.ResponseFlushBytes"/>, and a record of more than <see cref="JsonLimits.ResponsePieceBytes"/> is written in pieces.
/// </summary>
/// <remarks>
/// A record can be written while its batch is read, and sent only between two records. So whoever writes asks <see cref="MustWait"/> after
/// each record, leaves the batch, and calls <see cref="GoOnAsync"/>. An answer that stays short is not sent before its end: it is one write.
/// </remarks>
/// <param name="output">The answer's body.</param>
/// <param name="ended">Ends the answer, also when its reader goes.</param>
/// <param name="isOneLine">True when what is written must hold no line end, as the data of an event.</param>
internal sealed partial class AnswerWriter(PipeWriter output, CancellationToken ended, bool isOneLine = false)
{
    private long _lengthBefore;
    private long _sentLength;
    private LargeRecord? _large;

    /// <summary>Writes the JSON around the records.</summary>
    public Utf8JsonWriter Json { get; } = new(output, RecordJsonWriter.Options);

    /// <summary>The bytes that were written so far.</summary>
    public long Length => _lengthBefore + Json.BytesCommitted + Json.BytesPending;

    /// <summary>True when <see cref="GoOnAsync"/> is to be called before the next record.</summary>
    public bool MustWait => _large is not null || IsFlushDue;

    private bool IsFlushDue => Length - _sentLength >= JsonLimits.ResponseFlushBytes;

    /// <summary>Writes a record, or takes note of a large one for <see cref="GoOnAsync"/>.</summary>
    /// <param name="batch">The batch it is in.</param>
    /// <param name="partition">The partition it is in.</param>
    /// <param name="record">The record.</param>
    /// <param name="views">How its key and value are to appear.</param>
    /// <param name="topic">The topic it is in, where the answer may hold several; else null.</param>
    /// <param name="story">What befell it before it came to wait where it is; null for nothing that is to be told.</param>
    /// <param name="attempt">Which attempt this is of one that waited in its own place.</param>
    public void Write(
        OpenBatch batch, int partition, in RecordView record, PayloadViews views, string? topic = null, RetryStory? story = null, int attempt = 1)
    {
        if (record.Key.Length + (long)record.Value.Length + record.EncodedHeaders.Length <= JsonLimits.ResponsePieceBytes)
            RecordJsonWriter.Write(Json, partition, record, views, topic, story, attempt, isOneLine);
        else
            _large = LargeRecord.Of(batch, partition, record, views, topic, story, attempt);
    }

    /// <summary>Writes text that is no JSON.</summary>
    /// <param name="text">The text.</param>
    public void WriteText(ReadOnlySpan<byte> text)
    {
        Json.Flush();
        output.Write(text);
        _lengthBefore += text.Length;
    }

    /// <summary>Begins another JSON document behind the one that was written.</summary>
    public void EndDocument()
    {
        Json.Flush();
        _lengthBefore += Json.BytesCommitted;
        Json.Reset();
    }

    /// <summary>Writes the large record that was last noted, and sends what has gathered if it is enough.</summary>
    /// <exception cref="OperationCanceledException">The answer is ended, or its reader has gone.</exception>
    public async ValueTask GoOnAsync()
    {
        if (_large is { } large)
        {
            _large = null;
            await WriteAsync(large);
        }

        if (IsFlushDue)
            await FlushAsync();
    }

    /// <summary>Sends what has gathered.</summary>
    /// <exception cref="OperationCanceledException">The answer is ended, or its reader has gone.</exception>
    public async ValueTask FlushAsync()
    {
        Json.Flush();
        _sentLength = Length;
        await output.FlushAsync(ended);
        ended.ThrowIfCancellationRequested();
    }

    /// <summary>Ends the answer. The reader of a long one has then taken most of it; a short one is sent by the server, in one write.</summary>
    /// <exception cref="OperationCanceledException">The answer is ended, or its reader has gone.</exception>
    public ValueTask EndAsync()
    {
        if (_sentLength > 0)
            return FlushAsync();
        Json.Flush();
        return ValueTask.CompletedTask;
    }
}
