using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using OrleansStream.Groups;
using OrleansStream.Records;

namespace OrleansStream.Rest.Json;

/// <summary>
/// Writes an answer with records while it is made. Its memory is constant, whatever the length of the answer: after every
/// <see cref="JsonLimits.ResponseFlushBytes"/> the answer is sent, and a record of more than <see cref="JsonLimits.ResponsePieceBytes"/> is written
/// in pieces.
/// </summary>
/// <remarks>
/// A record can be written only while its batch is read, and the answer can be sent only between two records. So the caller asks
/// <see cref="MustWait"/> after each record. If it is true, the caller leaves the batch and calls <see cref="GoOnAsync"/>. A short answer is not sent
/// before its end, so it is one write.
/// </remarks>
/// <param name="output">The answer's body.</param>
/// <param name="ended">Ends the answer, also when its reader has gone.</param>
/// <param name="isOneLine">True when the output must have no line end, as in the data of an event.</param>
/// <param name="headers">Get the length of an answer that is sent as a whole. Null for an answer that goes on behind what this writes.</param>
internal sealed partial class AnswerWriter(
    PipeWriter output, CancellationToken ended, bool isOneLine = false, IHeaderDictionary? headers = null)
{
    private long _lengthBefore;
    private long _sentLength;
    private LargeRecord? _large;

    /// <summary>The JSON writer, also for the JSON around the records.</summary>
    public Utf8JsonWriter Json { get; } = new(output, RecordJsonWriter.Options);

    /// <summary>The count of bytes written so far.</summary>
    public long Length => _lengthBefore + Json.BytesCommitted + Json.BytesPending;

    /// <summary>True when <see cref="GoOnAsync"/> must be called before the next record.</summary>
    public bool MustWait => _large is not null || IsFlushDue;

    private bool IsFlushDue => Length - _sentLength >= JsonLimits.ResponseFlushBytes;

    /// <summary>Writes a record, or remembers a large one for <see cref="GoOnAsync"/>.</summary>
    /// <param name="batch">The batch of the record.</param>
    /// <param name="partition">The partition of the record.</param>
    /// <param name="record">The record.</param>
    /// <param name="views">The form of its key and value.</param>
    /// <param name="topic">The topic of the record, if the answer may have several topics; else null.</param>
    /// <param name="story">The history of a record from a retry topic; null when there is none to tell.</param>
    /// <param name="attempt">The number of this attempt, for a record that waited in place.</param>
    public void Write(
        OpenBatch batch, int partition, in RecordView record, PayloadViews views, string? topic = null, RetryStory? story = null, int attempt = 1)
    {
        if (record.Key.Length + (long)record.Value.Length + record.EncodedHeaders.Length <= JsonLimits.ResponsePieceBytes)
            RecordJsonWriter.Write(Json, partition, record, views, topic, story, attempt, isOneLine);
        else
            _large = LargeRecord.Of(batch, partition, record, views, topic, story, attempt);
    }

    /// <summary>Writes text that is not JSON.</summary>
    public void WriteText(ReadOnlySpan<byte> text)
    {
        Json.Flush();
        output.Write(text);
        _lengthBefore += text.Length;
    }

    /// <summary>Sends bytes that are not JSON behind what has gathered, without a copy.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <exception cref="OperationCanceledException">The answer is ended, or its reader has gone.</exception>
    public async ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
    {
        Json.Flush();
        _lengthBefore += bytes.Length;
        _sentLength = Length;
        await output.WriteAsync(bytes, ended);
        ended.ThrowIfCancellationRequested();
    }

    /// <summary>Begins another JSON document after the one that was written.</summary>
    public void EndDocument()
    {
        Json.Flush();
        _lengthBefore += Json.BytesCommitted;
        Json.Reset();
    }

    /// <summary>Writes the remembered large record, and sends the answer if enough has gathered.</summary>
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

    /// <summary>Ends the answer. A long answer has then mostly been read by its reader. A short answer is sent by the server, in one write.</summary>
    /// <exception cref="OperationCanceledException">The answer is ended, or its reader has gone.</exception>
    public ValueTask EndAsync()
    {
        Json.Flush();
        if (_sentLength > 0)
            return FlushAsync();
        // Without a length the server would send a chunk's end behind the answer, in a write of its own that wakes the reader once more.
        headers?.ContentLength = Length;
        return Length > JsonLimits.ResponseShortBytesMax ? FlushAsync() : ValueTask.CompletedTask;
    }
}
