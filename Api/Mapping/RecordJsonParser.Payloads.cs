using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;
using OrleansStream.Api.Errors;

namespace OrleansStream.Api.Mapping;

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
        ReadOnlySpan<byte> keyBytes = BytesOf(body, key, keyType, "key", "key_type");
        ReadOnlySpan<byte> valueBytes = BytesOf(body, value, valueType, "value", "value_type");
        ReadOnlySpan<byte> headers = _headers.Count == 0 ? default : _headers.EncodedHeaders;
        records.Add(timestampMs, partition, keyBytes, !key.IsNull, valueBytes, !value.IsNull, headers);
    }

    private Payload ReadPayload(ref Utf8JsonReader reader, ReadOnlySpan<byte> body, string name)
    {
        int start = _readerStart + (int)reader.TokenStartIndex;
        JsonTokenType token = reader.TokenType;
        bool isEscaped = reader.TokenType == JsonTokenType.String && reader.ValueIsEscaped;
        if (isEscaped)
            CheckSurrogates(reader.ValueSpan, name);
        if (token is JsonTokenType.StartObject or JsonTokenType.StartArray && !TrySkip(ref reader, body, start))
        {
            int depth = reader.CurrentDepth;
            while (reader.Read() && reader.CurrentDepth > depth)
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
                    CheckSurrogates(reader.ValueSpan, name);
            }
        }

        return new Payload(token, start, _readerStart + (int)reader.BytesConsumed, isEscaped);
    }

    /// <summary>
    /// Passes over an object or list several times as fast as the reader walks through it. What is not taken here, the reader walks
    /// through after all, and says what is wrong with it.
    /// </summary>
    private bool TrySkip(ref Utf8JsonReader reader, ReadOnlySpan<byte> body, int start)
    {
        int end = JsonText.Skip(body, start, Limits.JsonValueDepthMax);
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
        ReadOnlySpan<byte> text = payload.Text(body);
        if (type == PayloadType.Json)
            return text;
        if (payload.Token != JsonTokenType.String)
        {
            string expected = type == PayloadType.String ? "a JSON string" : "base64 in a JSON string";
            throw JsonFields.WrongKind(Path(name), payload.Token, $"{expected}, since {typeName} is \"{type.ToString().ToLowerInvariant()}\"");
        }

        ReadOnlySpan<byte> content = payload.IsEscaped ? Unescape(text) : text[1..^1];
        return type == PayloadType.String ? content : Decode(content, Path(name));
    }

    private void AppendHeader(ReadOnlySpan<byte> body, in Payload key, in Payload value, PayloadType type)
    {
        EnsureScratch(2 * (key.End - key.Start + value.End - value.Start));
        if (key.IsEscaped)
            CheckSurrogates(key.Text(body)[1..^1], $"headers[{_headers.Count}].key");
        if (value.IsEscaped)
            CheckSurrogates(value.Text(body)[1..^1], $"headers[{_headers.Count}].value");
        ReadOnlySpan<byte> keyBytes = key.IsEscaped ? Unescape(key.Text(body)) : key.Text(body)[1..^1];
        ReadOnlySpan<byte> valueBytes = value.IsNull ? default
            : value.IsEscaped ? Unescape(value.Text(body))
            : value.Text(body)[1..^1];
        if (type == PayloadType.Binary && !value.IsNull)
            valueBytes = Decode(valueBytes, HeaderPath("value"));
        _headers.Append(keyBytes, valueBytes, !value.IsNull);
    }

    private ReadOnlySpan<byte> Unescape(ReadOnlySpan<byte> quoted)
    {
        var reader = new Utf8JsonReader(quoted);
        reader.Read();
        int length = reader.CopyString(_scratch.AsSpan(_scratchUsed));
        ReadOnlySpan<byte> content = _scratch.AsSpan(_scratchUsed, length);
        _scratchUsed += length;
        return content;
    }

    private ReadOnlySpan<byte> Decode(ReadOnlySpan<byte> base64, string field)
    {
        // .NET passes over white space; a payload that is cut or pasted with some is more likely damaged than meant.
        Span<byte> room = _scratch.AsSpan(_scratchUsed);
        if (base64.Length % 4 != 0
            || Base64.DecodeFromUtf8(base64, room, out int consumed, out int written) != OperationStatus.Done
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
        int padding = base64.EndsWith("=="u8) ? 2 : base64.EndsWith("="u8) ? 1 : 0;
        return base64.Length / 4 * 3 - padding;
    }

    // Half a character has no bytes in UTF-8: it could never be read back as it was sent.
    private void CheckSurrogates(ReadOnlySpan<byte> escaped, string name)
    {
        for (int i = escaped.IndexOf((byte)'\\'); i >= 0 && i < escaped.Length;)
        {
            if (escaped[i] != (byte)'\\')
            {
                int next = escaped[i..].IndexOf((byte)'\\');
                if (next < 0)
                    return;
                i += next;
            }

            if (escaped[i + 1] != (byte)'u')
            {
                i += 2;
                continue;
            }

            int unit = CodeUnit(escaped[(i + 2)..]);
            i += 6;
            if (unit is < 0xD800 or > 0xDFFF)
                continue;
            bool isPair = unit < 0xDC00 && escaped[i..].StartsWith("\\u"u8) && CodeUnit(escaped[(i + 2)..]) is >= 0xDC00 and <= 0xDFFF;
            if (!isPair)
            {
                throw RequestException.Malformed(
                    Path(name), $"'{Path(name)}' holds a \\u escape of half a character (a lone surrogate, \\u{unit:x4}).");
            }

            i += 6;
        }
    }

    // The reader has made sure that four hexadecimal digits follow.
    private static int CodeUnit(ReadOnlySpan<byte> hex) =>
        int.Parse(hex[..4], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private void EnsureScratch(int freeBytes)
    {
        int needed = _scratchUsed + freeBytes;
        if (_scratch.Length >= needed)
            return;
        byte[] larger = ArrayPool<byte>.Shared.Rent(needed);
        _scratch.AsSpan(0, _scratchUsed).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_scratch);
        _scratch = larger;
    }
}
