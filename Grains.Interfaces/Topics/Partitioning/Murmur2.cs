using System.Buffers.Binary;

namespace OrleansStream.Topics.Partitioning;

/// <summary>Murmur2, 32 bits, with Kafka's seed. A key gets the same partition as with Kafka's Java client.</summary>
/// <remarks>Source: <c>org.apache.kafka.common.utils.Utils.murmur2</c>, after Austin Appleby's public domain original.</remarks>
public static class Murmur2
{
    private const uint Seed = 0x9747b28c;
    private const uint Multiplier = 0x5bd1e995;
    private const int Rotation = 24;

    /// <summary>Hashes bytes.</summary>
    /// <param name="data">The bytes; there may be none.</param>
    /// <returns>The hash as Java's signed integer.</returns>
    public static int Hash(ReadOnlySpan<byte> data)
    {
        var hash = Seed ^ (uint)data.Length;
        var rest = data;
        while (rest.Length >= sizeof(uint))
        {
            var word = BinaryPrimitives.ReadUInt32LittleEndian(rest) * Multiplier;
            word ^= word >> Rotation;
            hash = (hash * Multiplier) ^ (word * Multiplier);
            rest = rest[sizeof(uint)..];
        }

        if (rest.Length > 2)
            hash ^= (uint)rest[2] << 16;
        if (rest.Length > 1)
            hash ^= (uint)rest[1] << 8;
        if (rest.Length > 0)
            hash = (hash ^ rest[0]) * Multiplier;

        hash = (hash ^ (hash >> 13)) * Multiplier;
        return (int)(hash ^ (hash >> 15));
    }
}
