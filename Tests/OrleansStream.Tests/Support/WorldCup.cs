using System.Text.Json.Nodes;

namespace OrleansStream.Tests.Support;

/// <summary>The match events that the repository ships.</summary>
internal static class WorldCup
{
    public const int PartitionCount = 6;

    /// <summary>The file, one record a line.</summary>
    public static string Path { get; } = Repository.PathOf("Api", "Samples", "world-cup.ndjson");

    /// <summary>The records, in the order in which they arrive.</summary>
    public static IReadOnlyList<JsonObject> ReadRecords() => [.. File.ReadLines(Path).Select(line => JsonNode.Parse(line)!.AsObject())];
}
