using System.Text.Json;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Records;

namespace OrleansStream.Client.Consuming;

/// <summary>
/// Reads the answer to a poll straight from its bytes. Keys and values, which the poll asks for in base64, are decoded where they lie, so a record
/// costs no memory here beside its key, and its value where that was compressed. It is used for one answer after the other.
/// </summary>
internal sealed partial class PollAnswerReader : IDisposable
{
    /// <summary>The media type of an answer in parts, some of which have record batches.</summary>
    public const string Multipart = "multipart/mixed";

    /// <summary>The media type of an answer, or a part of one, in JSON.</summary>
    public const string Json = "application/json";

    /// <summary>The media type of a part with record batches.</summary>
    public const string RecordBatch = "application/vnd.kafka.recordbatch.v2";

    private readonly List<PolledRecord> _records = [];
    private readonly List<TopicPartition> _assignment = [];
    private readonly Dictionary<int, string> _topics = [];
    private readonly KeyMemory _keys = new();
    private readonly PolledBatches _batches = new();
    private Memory<byte> _bytes;

    /// <summary>The records, each partition's in order.</summary>
    public IReadOnlyList<PolledRecord> Records => _records;

    /// <summary>The member's partitions.</summary>
    public IReadOnlyList<TopicPartition> Assignment => _assignment;

    /// <summary>The member's epoch.</summary>
    public long MemberEpoch { get; private set; }

    /// <summary>What the next poll brings back.</summary>
    public string? Cursor { get; private set; }

    /// <summary>The records behind this answer; null when it does not say.</summary>
    public long? Lag { get; private set; }

    /// <summary>The memory of values beside the answer's own bytes.</summary>
    public long HeldBytes => _batches.HeldBytes;

    /// <summary>Reads an answer.</summary>
    /// <param name="bytes">The answer; its bytes are changed, and hold values of its records.</param>
    /// <param name="boundary">The text between the parts, of an answer in parts; null for one in JSON.</param>
    /// <exception cref="JsonException">It is not the answer to a poll, or it was cut off. It has no records then.</exception>
    /// <exception cref="StreamServiceException">A batch is damaged. The answer has no records then.</exception>
    public void Read(Memory<byte> bytes, string? boundary = null)
    {
        Clear();
        try
        {
            if (boundary is null)
                ReadAnswer(bytes);
            else
                ReadParts(new AnswerParts(bytes, boundary));
            if (Cursor is null)
                throw new FormatException("It has no cursor.");
        }
        catch (Exception exception)
        {
            Clear();
            if (exception is InvalidOperationException or FormatException or OverflowException)
                throw new JsonException($"The answer is not that of a poll. {exception.Message}", exception);
            throw;
        }
    }

    /// <summary>Gives back the memory of the records.</summary>
    public void Dispose() => Clear();

    private void Clear()
    {
        _records.Clear();
        _assignment.Clear();
        _batches.Clear();
        (Cursor, Lag) = (null, null);
    }

    // The parts come in the order of the records.
    private void ReadParts(AnswerParts parts)
    {
        while (parts.MoveNext())
        {
            switch (parts.MediaType)
            {
                case RecordBatch:
                    if (parts.Topic.Length == 0 || parts.Partition is not { } partition)
                        throw new FormatException("A part of it with record batches does not name their topic and partition.");
                    while (!parts.IsAtEnd)
                        parts.Skip(_batches.Read(Topic(parts.Topic), partition, parts.Rest, _records));
                    break;
                case Json:
                    ReadAnswer(parts.TakeRest());
                    break;
                default:
                    throw new FormatException($"A part of it is '{parts.MediaType}'.");
            }
        }
    }

    private void ReadAnswer(Memory<byte> bytes)
    {
        _bytes = bytes;
        var reader = new Utf8JsonReader(bytes.Span);
        Begin(ref reader, JsonTokenType.StartObject);
        while (NextField(ref reader, out var name))
        {
            if (name.SequenceEqual("records"u8))
                ReadRecords(ref reader);
            else if (name.SequenceEqual("assignment"u8))
                ReadAssignment(ref reader);
            else if (name.SequenceEqual("member_epoch"u8))
                MemberEpoch = reader.GetInt64();
            else if (name.SequenceEqual("cursor"u8))
                Cursor = reader.GetString();
            else if (name.SequenceEqual("lag"u8))
                Lag = reader.GetInt64();
            else
                reader.Skip();
        }
    }

    private void ReadAssignment(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            var topic = "";
            while (NextField(ref reader, out var name))
            {
                if (name.SequenceEqual("topic"u8))
                {
                    topic = reader.GetString()!;
                }
                else if (name.SequenceEqual("partitions"u8))
                {
                    while (reader.Read() && reader.TokenType == JsonTokenType.Number)
                        _assignment.Add(new TopicPartition(topic, reader.GetInt32()));
                }
                else
                {
                    reader.Skip();
                }
            }
        }
    }

    private void ReadRecords(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
            _records.Add(ReadRecord(ref reader));
    }

    private string Topic(string name)
    {
        var code = string.GetHashCode(name, StringComparison.Ordinal);
        if (_topics.TryGetValue(code, out var known) && known == name)
            return known;
        return _topics[code] = name;
    }

    // The same few names come with every record.
    private string Topic(ref Utf8JsonReader reader)
    {
        if (reader.ValueIsEscaped)
            return reader.GetString()!;
        var hash = new HashCode();
        hash.AddBytes(reader.ValueSpan);
        var code = hash.ToHashCode();
        if (_topics.TryGetValue(code, out var known) && reader.ValueTextEquals(known))
            return known;
        return _topics[code] = reader.GetString()!;
    }

    private static void Begin(ref Utf8JsonReader reader, JsonTokenType type)
    {
        if (!reader.Read() || reader.TokenType != type)
            throw new JsonException($"The answer begins with {reader.TokenType}.");
    }

    // The reader goes on to the value. The service writes names without escapes.
    private static bool NextField(ref Utf8JsonReader reader, out ReadOnlySpan<byte> name)
    {
        reader.Read();
        name = reader.ValueSpan;
        return reader.TokenType == JsonTokenType.PropertyName && reader.Read();
    }
}
