using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using OrleansStream.Records;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Produce;

internal sealed partial class RecordJsonParser
{
    /// <summary>A JSON value where it lies in the body; its bytes are interpreted when the record's types are known.</summary>
    private readonly record struct Payload(JsonTokenType Token, int Start, int End, bool IsEscaped)
    {
        /// <summary>True for null and for a field that is absent.</summary>
        public bool IsNull => Token is JsonTokenType.Null or JsonTokenType.None;

        /// <summary>The JSON text, with the quotes of a string.</summary>
        public ReadOnlySpan<byte> Text(ReadOnlySpan<byte> body) => body[Start..End];
    }

    private void Add(
        ReadOnlySpan<byte> body, long? timestampMs, int partition, in Payload key, PayloadType keyType, in Payload value,
        PayloadType valueType)
    {
        // Neither unescaping nor decoding lengthens a text; one that needs both is there in both forms for a moment.
        _scratchUsed = 0;
        EnsureScratch(2 * (key.End - key.Start + value.End - value.Start));
        var keyBytes = BytesOf(body, key, keyType, "key", "key_type");
        var valueBytes = BytesOf(body, value, valueType, "value", "value_type");
        var headers = HeaderCount == 0 ? default : _headers!.EncodedHeaders;
        records.Add(timestampMs, partition, keyBytes, !key.IsNull, valueBytes, !value.IsNull, headers);
    }

    private Payload ReadPayload(ref Utf8JsonReader reader, ReadOnlySpan<byte> body)
    {
        var start = _readerStart + (int)reader.TokenStartIndex;
        var token = reader.TokenType;
        var isEscaped = reader.TokenType == JsonTokenType.String && reader.ValueIsEscaped;
        if (token is JsonTokenType.StartObject or JsonTokenType.StartArray && !TrySkip(ref reader, body, start))
            reader.Skip();

        return new Payload(token, start, _readerStart + (int)reader.BytesConsumed, isEscaped);
    }

    /// <summary>
    /// Passes over an object or list several times as fast as the reader walks through it. What is not taken here, the reader walks
    /// through after all, and says what is wrong with it.
    /// </summary>
    private bool TrySkip(ref Utf8JsonReader reader, ReadOnlySpan<byte> body, int start)
    {
        var end = JsonText.Skip(body, start, JsonLimits.JsonValueDepthMax);
        if (end < 0)
            return false;
        // For the reader it was an empty one, and it goes on behind it.
        var empty = new Utf8JsonReader(reader.TokenType == JsonTokenType.StartObject ? "}"u8 : "]"u8, isFinalBlock: false, reader.CurrentState);
        empty.Read();
        reader = new Utf8JsonReader(body[end..], isFinalBlock: true, empty.CurrentState);
        _readerStart = end;
        return true;
    }

    private ReadOnlySpan<byte> BytesOf(
        ReadOnlySpan<byte> body, in Payload payload, PayloadType type, string name, string typeName)
    {
        if (payload.IsNull)
            return default;
        var text = payload.Text(body);
        if (type == PayloadType.Json)
            return text;
        if (payload.Token != JsonTokenType.String)
        {
            var expected = type == PayloadType.String ? "a JSON string" : "base64 in a JSON string";
            throw JsonFields.WrongKind(Path(name), payload.Token, $"{expected}, since {typeName} is \"{type.ToString().ToLowerInvariant()}\"");
        }

        var content = payload.IsEscaped ? Unescape(text) : text[1..^1];
        return type == PayloadType.String ? content : Decode(content, Path(name));
    }

    private void AppendHeader(ReadOnlySpan<byte> body, in Payload key, PayloadType keyType, in Payload value, PayloadType valueType)
    {
        EnsureScratch(2 * (key.End - key.Start + value.End - value.Start));
        var keyBytes = HeaderBytesOf(body, key, keyType, "key");
        var valueBytes = value.IsNull ? default : HeaderBytesOf(body, value, valueType, "value");
        (_headers ??= new RecordHeadersWriter()).Append(keyBytes, valueBytes, !value.IsNull);
    }

    private ReadOnlySpan<byte> HeaderBytesOf(ReadOnlySpan<byte> body, in Payload payload, PayloadType type, string name)
    {
        var content = payload.IsEscaped ? Unescape(payload.Text(body)) : payload.Text(body)[1..^1];
        return type == PayloadType.Binary ? Decode(content, HeaderPath(name)) : content;
    }

    private ReadOnlySpan<byte> Unescape(ReadOnlySpan<byte> quoted)
    {
        var reader = new Utf8JsonReader(quoted);
        reader.Read();
        var length = reader.CopyString(_scratch.AsSpan(_scratchUsed));
        ReadOnlySpan<byte> content = _scratch.AsSpan(_scratchUsed, length);
        _scratchUsed += length;
        return content;
    }

    private ReadOnlySpan<byte> Decode(ReadOnlySpan<byte> base64, string field)
    {
        // .NET passes over white space; a payload that is cut or pasted with some is more likely damaged than meant.
        var room = _scratch.AsSpan(_scratchUsed);
        if (base64.Length % 4 != 0
            || Base64.DecodeFromUtf8(base64, room, out var consumed, out var written) != OperationStatus.Done
            || consumed != base64.Length
            || written != DecodedLength(base64))
        {
            throw RequestException.Malformed(
                field, $"'{field}' is not base64 (RFC 4648 with padding, no white space): \"{JsonFields.Shown(base64)}\".");
        }

        _scratchUsed += written;
        return room[..written];
    }

    private static int DecodedLength(ReadOnlySpan<byte> base64)
    {
        var padding = base64.EndsWith("=="u8) ? 2 : base64.EndsWith("="u8) ? 1 : 0;
        return base64.Length / 4 * 3 - padding;
    }

    private void EnsureScratch(int freeBytes)
    {
        var needed = _scratchUsed + freeBytes;
        if (_scratch.Length >= needed)
            return;
        var larger = ArrayPool<byte>.Shared.Rent(needed);
        _scratch.AsSpan(0, _scratchUsed).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_scratch);
        _scratch = larger;
    }
}
