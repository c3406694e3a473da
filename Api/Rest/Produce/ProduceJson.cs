using System.Text.Json;
using OrleansStream.Errors;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Json;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Produce;

/// <summary>Parses the JSON body of a produce request, in one pass unless its types come behind its records and differ.</summary>
internal static class ProduceJson
{
    private const string Fields = "records, key_type, value_type, acks";
    private const int SeenRecords = 1;
    private const int SeenKeyType = 2;
    private const int SeenValueType = 4;
    private const int SeenAcks = 8;

    private static readonly JsonReaderOptions Strict = new() { MaxDepth = JsonLimits.JsonDepthMax };

    /// <summary>Parses a body.</summary>
    /// <param name="body">The whole body.</param>
    /// <param name="isPartitionFixed">True when the path names the partition.</param>
    /// <param name="records">Where its records go.</param>
    /// <returns>When to answer.</returns>
    /// <exception cref="RequestException">The body is malformed; the error names the field.</exception>
    public static Acks Parse(ReadOnlySpan<byte> body, bool isPartitionFixed, RecordCollector records)
    {
        JsonInput.Check(body);
        using var parser = new RecordJsonParser(records);
        var reader = new Utf8JsonReader(body, Strict);
        try
        {
            return ParseEnvelope(ref reader, body, isPartitionFixed, records, parser);
        }
        catch (JsonException exception)
        {
            throw NotJson(body, parser.RecordPath.Length == 0 ? null : parser.RecordPath, Strict, exception);
        }
    }

    /// <summary>
    /// The error of bytes that are no JSON. A reader that has passed over values does not know where it stands, so this reads again.
    /// </summary>
    /// <param name="text">The bytes that were read.</param>
    /// <param name="field">The field that was being read, or null.</param>
    /// <param name="options">Those by which they were read.</param>
    /// <param name="exception">What the reader said.</param>
    public static RequestException NotJson(ReadOnlySpan<byte> text, string? field, JsonReaderOptions options, JsonException exception)
    {
        try
        {
            var reader = new Utf8JsonReader(text, options);
            while (reader.Read())
            {
            }
        }
        catch (JsonException exact)
        {
            return JsonFields.NotJson(field, exact);
        }

        return JsonFields.NotJson(field, exception);
    }

    private static Acks ParseEnvelope(
        ref Utf8JsonReader reader, ReadOnlySpan<byte> body, bool isPartitionFixed, RecordCollector records, RecordJsonParser parser)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw JsonFields.WrongKind("body", reader.TokenType, $"an object with the fields {Fields}");

        var defaults = new RecordDefaults(PayloadType.String, PayloadType.Json, isPartitionFixed);
        var used = defaults;
        Utf8JsonReader listReader = default;
        RequestException? firstFault = null;
        var acks = Acks.All;
        var seen = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("records"u8))
            {
                Enter(ref reader, ref seen, SeenRecords, "records");
                listReader = reader;
                used = defaults;
                try
                {
                    ParseList(ref reader, body, used, parser);
                }
                catch (RequestException fault) when (MayTypesFollow(seen))
                {
                    // A later key_type or value_type may make these records right, so they get their second reading first.
                    firstFault = fault;
                    reader = listReader;
                    reader.Skip();
                }

                parser.StandAt("", -1);
            }
            else if (reader.ValueTextEquals("key_type"u8))
            {
                Enter(ref reader, ref seen, SeenKeyType, "key_type");
                defaults = defaults with { KeyType = RecordJsonParser.ReadType(ref reader, "key_type") ?? defaults.KeyType };
            }
            else if (reader.ValueTextEquals("value_type"u8))
            {
                Enter(ref reader, ref seen, SeenValueType, "value_type");
                defaults = defaults with { ValueType = RecordJsonParser.ReadType(ref reader, "value_type") ?? defaults.ValueType };
            }
            else if (reader.ValueTextEquals("acks"u8))
            {
                Enter(ref reader, ref seen, SeenAcks, "acks");
                acks = ReadAcks(ref reader);
            }
            else
            {
                throw JsonFields.Unknown(reader.GetString()!, Fields);
            }
        }

        // Refuses whatever follows the object.
        reader.Read();
        if ((seen & SeenRecords) == 0)
        {
            throw RequestException.Malformed(
                "records", $"'records' is missing: an array of 1 to {ProduceLimits.RecordsPerRequestMax} records.");
        }

        if (used != defaults)
        {
            records.Reset();
            ParseList(ref listReader, body, defaults, parser);
        }
        else if (firstFault is not null)
        {
            throw firstFault;
        }

        return acks;
    }

    private static bool MayTypesFollow(int seen) => (seen & (SeenKeyType | SeenValueType)) != (SeenKeyType | SeenValueType);

    private static void ParseList(ref Utf8JsonReader reader, ReadOnlySpan<byte> body, in RecordDefaults defaults, RecordJsonParser parser)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw JsonFields.WrongKind("records", reader.TokenType, "an array of records");
        var count = 0;
        parser.Begin();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (count == ProduceLimits.RecordsPerRequestMax)
            {
                throw new RequestException(new StreamError(StreamErrorCode.RecordListTooLarge,
                    $"A request takes at most {ProduceLimits.RecordsPerRequestMax} records. Split it, or send application/x-ndjson.")
                { Field = "records" });
            }

            parser.StandAt("records", count++);
            parser.Parse(ref reader, body, defaults);
        }

        if (count == 0)
            throw RequestException.Malformed("records", "'records' is empty; send at least one record.");
    }

    private static void Enter(ref Utf8JsonReader reader, ref int seen, int bit, string field)
    {
        if (!JsonFields.See(ref seen, bit))
            throw JsonFields.Twice(field);
        reader.Read();
    }

    private static Acks ReadAcks(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.Null => Acks.All,
        JsonTokenType.String when reader.ValueTextEquals("all"u8) => Acks.All,
        JsonTokenType.Number when reader.TryGetInt32(out var acks) && acks is 0 or 1 => acks == 0 ? Acks.None : Acks.Leader,
        _ => throw RequestException.Malformed("acks", "'acks' must be \"all\", 1 or 0."),
    };
}
