using System.Buffers;
using System.Text.Json;
using OrleansStream.Records;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Produce;

/// <summary>What holds for all records of a request.</summary>
/// <param name="KeyType">How a key is read unless the record says otherwise.</param>
/// <param name="ValueType">How a value is read unless the record says otherwise.</param>
/// <param name="IsPartitionFixed">True when the path names the partition, so that records must not.</param>
internal readonly record struct RecordDefaults(PayloadType KeyType, PayloadType ValueType, bool IsPartitionFixed);

/// <summary>
/// Parses records from JSON straight into a <see cref="RecordCollector"/>. A payload goes from the body's bytes to the batch's in
/// one copy; only escaped text and base64 pass through a buffer that all records share.
/// </summary>
internal sealed partial class RecordJsonParser(RecordCollector records) : IDisposable
{
    private const string RecordFields = "key, value, headers, timestamp, partition, key_type, value_type";
    private const string HeaderFields = "key, value, key_type, value_type";

    [Flags]
    private enum Field
    {
        Key = 1,
        Value = 2,
        Headers = 4,
        Timestamp = 8,
        Partition = 16,
        KeyType = 32,
        ValueType = 64,
    }

    private RecordHeadersWriter? _headers; // of the first record that has any
    private byte[] _scratch = ArrayPool<byte>.Shared.Rent(4096);
    private int _scratchUsed;
    private int _readerStart; // where in the body the bytes begin that the reader counts from
    private string _path = "";
    private int _index = -1;

    /// <summary>The path of the record being read, as errors name it.</summary>
    public string RecordPath => _index < 0 ? _path : $"{_path}[{_index}]";

    private int HeaderCount => _headers?.Count ?? 0;

    /// <summary>Begins to read from a reader that reads the whole body.</summary>
    public void Begin() => _readerStart = 0;

    /// <summary>Says where the next record stands in the request.</summary>
    /// <param name="list">The list's name.</param>
    /// <param name="index">Its index there; -1 when <paramref name="list"/> alone names the record.</param>
    public void StandAt(string list, int index)
    {
        _path = list;
        _index = index;
    }

    /// <summary>Reads one record.</summary>
    /// <param name="reader">
    /// Stands on the record's first token; afterwards on its last, and may have been put in front of the rest of the body alone.
    /// </param>
    /// <param name="body">The bytes that <paramref name="reader"/> reads.</param>
    /// <param name="defaults">What holds for all records.</param>
    /// <param name="isLast">True when nothing may follow the record.</param>
    /// <exception cref="RequestException">The record is malformed; nothing was added.</exception>
    /// <exception cref="JsonException">The bytes are no JSON; nothing was added.</exception>
    public void Parse(ref Utf8JsonReader reader, ReadOnlySpan<byte> body, in RecordDefaults defaults, bool isLast = false)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw JsonFields.WrongKind(RecordPath, reader.TokenType, $"an object with the fields {RecordFields}");

        var keyType = defaults.KeyType;
        var valueType = defaults.ValueType;
        Payload key = default;
        Payload value = default;
        long? timestampMs = null;
        var partition = -1;
        Field seen = 0;
        _headers?.Reset();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = FieldOf(ref reader);
            if ((seen & field) != 0)
                throw JsonFields.Twice(PathOf(field));
            seen |= field;
            reader.Read();
            switch (field)
            {
                case Field.Key:
                    key = ReadPayload(ref reader, body);
                    break;
                case Field.Value:
                    value = ReadPayload(ref reader, body);
                    break;
                case Field.Headers:
                    ReadHeaders(ref reader, body);
                    break;
                case Field.Timestamp:
                    if (!JsonFields.TryTimestamp(ref reader, out timestampMs))
                        throw RequestException.Malformed(Path("timestamp"), $"'{Path("timestamp")}' must be {JsonFields.TimestampForms}.");
                    break;
                case Field.Partition:
                    partition = ReadPartition(ref reader, defaults);
                    break;
                case Field.KeyType:
                    keyType = ReadRecordType(ref reader, field) ?? keyType;
                    break;
                default:
                    valueType = ReadRecordType(ref reader, field) ?? valueType;
                    break;
            }
        }

        if ((seen & Field.Value) == 0)
            throw RequestException.Malformed(Path("value"), $"'{Path("value")}' is missing. For a tombstone send null.");
        if (isLast)
            reader.Read();
        Add(body, timestampMs, partition, key, keyType, value, valueType);
    }

    /// <summary>Reads the name of a payload type.</summary>
    /// <param name="reader">Stands on the value.</param>
    /// <param name="field">The field's path.</param>
    /// <returns>The type; null when the field is null.</returns>
    /// <exception cref="RequestException">It is none.</exception>
    public static PayloadType? ReadType(ref Utf8JsonReader reader, string field)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return null;
        if (reader.TokenType != JsonTokenType.String)
            throw JsonFields.WrongKind(field, reader.TokenType, PayloadTypes.Names);
        if (!PayloadTypes.TryParse(reader.ValueSpan, out var type))
            throw RequestException.Malformed(field, $"'{field}' is \"{JsonFields.Shown(reader.ValueSpan)}\"; expected {PayloadTypes.Names}.");
        return type;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _headers?.Dispose();
        ArrayPool<byte>.Shared.Return(_scratch);
        _scratch = [];
    }

    private PayloadType? ReadRecordType(ref Utf8JsonReader reader, Field field) =>
        reader.TokenType == JsonTokenType.String && PayloadTypes.TryParse(reader.ValueSpan, out var type)
            ? type
            : ReadType(ref reader, PathOf(field));

    private Field FieldOf(ref Utf8JsonReader reader)
    {
        if (reader.ValueTextEquals("key"u8))
            return Field.Key;
        if (reader.ValueTextEquals("value"u8))
            return Field.Value;
        if (reader.ValueTextEquals("headers"u8))
            return Field.Headers;
        if (reader.ValueTextEquals("timestamp"u8))
            return Field.Timestamp;
        if (reader.ValueTextEquals("partition"u8))
            return Field.Partition;
        if (reader.ValueTextEquals("key_type"u8))
            return Field.KeyType;
        if (reader.ValueTextEquals("value_type"u8))
            return Field.ValueType;
        throw JsonFields.Unknown(Path(reader.GetString()!), RecordFields);
    }

    private int ReadPartition(ref Utf8JsonReader reader, in RecordDefaults defaults)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return -1;
        if (defaults.IsPartitionFixed)
        {
            throw RequestException.Malformed(
                Path("partition"), "The path names the partition already. Leave the field out, or POST to the topic's records.");
        }

        // The path is text made for the error alone.
        return reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var partition) && partition >= 0
            ? partition
            : JsonFields.Integer(ref reader, Path("partition"), 0, int.MaxValue) ?? -1;
    }

    private void ReadHeaders(ref Utf8JsonReader reader, ReadOnlySpan<byte> body)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return;
        if (reader.TokenType != JsonTokenType.StartArray)
            throw JsonFields.WrongKind(Path("headers"), reader.TokenType, $"an array of objects with the fields {HeaderFields}");
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (HeaderCount == ProduceLimits.RecordHeadersMax)
            {
                throw RequestException.Malformed(
                    Path("headers"), $"A record has at most {ProduceLimits.RecordHeadersMax} headers.");
            }

            ReadHeader(ref reader, body);
        }
    }

    private void ReadHeader(ref Utf8JsonReader reader, ReadOnlySpan<byte> body)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw JsonFields.WrongKind(HeaderPath(null), reader.TokenType, $"an object with the fields {HeaderFields}");

        Payload key = default;
        Payload value = default;
        var keyType = PayloadType.String;
        var valueType = PayloadType.String;
        Field seen = 0;
        _scratchUsed = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = reader.ValueTextEquals("key"u8) ? Field.Key
                : reader.ValueTextEquals("value"u8) ? Field.Value
                : reader.ValueTextEquals("key_type"u8) ? Field.KeyType
                : reader.ValueTextEquals("value_type"u8) ? Field.ValueType
                : throw JsonFields.Unknown(HeaderPath(reader.GetString()!), HeaderFields);
            if ((seen & field) != 0)
                throw JsonFields.Twice(HeaderPath(NameOf(field)));
            seen |= field;
            reader.Read();
            if (field is Field.KeyType or Field.ValueType)
            {
                var type = ReadHeaderType(ref reader, field);
                (keyType, valueType) = field == Field.KeyType ? (type, valueType) : (keyType, type);
                continue;
            }

            var isNull = reader.TokenType == JsonTokenType.Null && field == Field.Value;
            if (reader.TokenType != JsonTokenType.String && !isNull)
            {
                throw JsonFields.WrongKind(
                    HeaderPath(NameOf(field)), reader.TokenType, field == Field.Key ? "a string" : "a string or null");
            }

            var payload = new Payload(
                reader.TokenType, _readerStart + (int)reader.TokenStartIndex, _readerStart + (int)reader.BytesConsumed, reader.ValueIsEscaped);
            if (field == Field.Key)
                key = payload;
            else
                value = payload;
        }

        if ((seen & Field.Key) == 0)
            throw RequestException.Malformed(HeaderPath("key"), $"'{HeaderPath("key")}' is missing.");
        if ((seen & Field.Value) == 0)
            throw RequestException.Malformed(HeaderPath("value"), $"'{HeaderPath("value")}' is missing. For no value send null.");
        AppendHeader(body, key, keyType, value, valueType);
    }

    private PayloadType ReadHeaderType(ref Utf8JsonReader reader, Field field)
    {
        if (reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("binary"u8))
            return PayloadType.Binary;
        if (reader.TokenType == JsonTokenType.Null || reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("string"u8))
            return PayloadType.String;
        var path = HeaderPath(NameOf(field));
        throw RequestException.Malformed(path, $"'{path}' must be \"string\" or \"binary\".");
    }

    private string HeaderPath(string? name) =>
        $"{Path("headers")}[{HeaderCount}]{(name is null ? "" : "." + name)}";

    private string Path(string field) => _path.Length == 0 ? field : $"{RecordPath}.{field}";

    private string PathOf(Field field) => Path(NameOf(field));

    private static string NameOf(Field field) => field switch
    {
        Field.KeyType => "key_type",
        Field.ValueType => "value_type",
        _ => field.ToString().ToLowerInvariant(),
    };
}
