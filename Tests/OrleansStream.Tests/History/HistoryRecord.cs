using System.Text.Json.Nodes;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.History;

/// <summary>Records that name their sender, so that each is known again wherever it turns up.</summary>
internal static class HistoryRecord
{
    private const int KeysOfProducer = 4;

    /// <summary>The value of a record.</summary>
    /// <param name="id">Who sends it.</param>
    /// <param name="padding">Makes it longer.</param>
    public static JsonObject MakeValue(Sending id, int padding) => new()
    {
        ["producer"] = id.Producer,
        ["number"] = id.Number,
        ["padding"] = new string('x', padding),
    };

    /// <summary>A record as it is posted.</summary>
    /// <param name="id">Who sends it.</param>
    /// <param name="partition">Its partition; negative: by a key.</param>
    /// <param name="paddingMax">The bound of its size.</param>
    /// <param name="random">Chooses key and size.</param>
    public static JsonObject Make(Sending id, int partition, int paddingMax, Random random)
    {
        var record = new JsonObject { ["value"] = MakeValue(id, random.Next(paddingMax)) };
        // A few keys a producer: one key's records are in order, and so all of one partition's.
        if (partition < 0)
            record["key"] = $"{id.Producer}-{random.Next(KeysOfProducer)}";
        else
            record["partition"] = partition;
        return record;
    }

    /// <summary>What a record that is about to be posted says of itself.</summary>
    public static SentRecord Parse(JsonObject record)
    {
        var (_, id, content) = Parse(0, (string?)record["key"], record["value"]!);
        return new SentRecord(id, content);
    }

    /// <summary>What a record that was read says of itself.</summary>
    public static SeenRecord Parse(ReadRecord record) => Parse(record.Offset, record.Key, record.Value!);

    /// <summary>What a record says of itself.</summary>
    public static SeenRecord Parse(long offset, string? key, JsonNode value) => new(
        offset, new Sending((int)value["producer"]!, (long)value["number"]!), RecordContent.Of(key, value.ToJsonString()));
}
