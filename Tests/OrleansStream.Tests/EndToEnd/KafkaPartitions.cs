using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>Where Kafka puts keys, by the word of a Kafka client.</summary>
internal static class KafkaPartitions
{
    public static async Task<IReadOnlyList<int>> ChooseAsync(IReadOnlyList<byte[]> keys, int partitions)
    {
        var (exitCode, lines) = await ForeignProgram.RunAsync(
            "choose-partitions.cjs", [$"{partitions}"], [.. keys.Select(Convert.ToBase64String)]);
        Assert.Equal((0, keys.Count), (exitCode, lines.Length));
        return [.. lines.Select(int.Parse)];
    }
}
