using System.Text;
using System.Text.Json.Nodes;

namespace OrleansStream.Tests.Kafka;

/// <summary>A record as every client can say it.</summary>
/// <param name="Key">The key; null for none.</param>
/// <param name="Value">The value; null for a tombstone.</param>
/// <param name="Headers">The headers, each name once.</param>
/// <param name="TimestampMs">Its time, in milliseconds since the Unix epoch.</param>
/// <param name="Offset">Its offset; -1 before it is stored.</param>
internal sealed record KafkaRecord(byte[]? Key, byte[]? Value, (string Key, byte[] Value)[] Headers, long TimestampMs, long Offset = -1)
{
    /// <summary>A record of texts.</summary>
    public static KafkaRecord Of(string? key, string? value, long timestampMs, params (string Key, string Value)[] headers) => new(
        Bytes(key), Bytes(value), [.. headers.Select(header => (header.Key, Encoding.UTF8.GetBytes(header.Value)))], timestampMs);

    /// <summary>All that makes it what it is, as a text.</summary>
    public override string ToString() =>
        $"{Offset} {TimestampMs} {Hex(Key) ?? "null"} {Hex(Value) ?? "null"} {string.Join(',', Headers.Select(header => $"{header.Key}={Hex(header.Value)}"))}";

    /// <summary>As the programs of the Foreign folder take it.</summary>
    /// <param name="partition">Where it goes; null to leave that to the client.</param>
    public JsonObject ToJson(int? partition = 0) => new()
    {
        ["key"] = Hex(Key), ["value"] = Hex(Value), ["timestamp"] = TimestampMs, ["partition"] = partition,
        ["headers"] = new JsonArray([.. Headers.Select(header => new JsonArray(header.Key, Hex(header.Value)))]),
    };

    /// <summary>As the programs of the Foreign folder give it.</summary>
    public static KafkaRecord FromJson(JsonNode json) => new(
        Bytes(json["key"]), Bytes(json["value"]), [.. json["headers"]!.AsArray().Select(header => ((string)header![0]!, Bytes(header[1])!))],
        (long)json["timestamp"]!, (long)json["offset"]!);

    private static byte[]? Bytes(string? text) => text is null ? null : Encoding.UTF8.GetBytes(text);

    private static byte[]? Bytes(JsonNode? hex) => hex is null ? null : Convert.FromHexString((string)hex!);

    private static string? Hex(byte[]? bytes) => bytes is null ? null : Convert.ToHexStringLower(bytes);
}
