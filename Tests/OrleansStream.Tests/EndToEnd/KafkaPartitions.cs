namespace OrleansStream.Tests.EndToEnd;

/// <summary>Where Kafka puts keys, by the word of a Kafka client.</summary>
internal static class KafkaPartitions
{
    public static async Task<IReadOnlyList<int>> ChooseAsync(IReadOnlyList<byte[]> keys, int partitions)
    {
        var (exitCode, lines) = await ForeignProgram.RunNodeAsync(
            "choose-partitions.cjs", [$"{partitions}"], keys.Select(Convert.ToHexStringLower));
        Assert.Equal(0, exitCode);
        Assert.Equal(keys.Count, lines.Count);
        return [.. lines.Select(line => (int)line)];
    }
}
