using System.Text;

namespace OrleansStream.Topics.Partitioning;

/// <summary>Spreads the records of hot keys over several partitions, by dividing each hot key into sub-keys.</summary>
/// <remarks>
/// Sub-key <c>i</c> of a key belongs to the partition <c>i</c> places behind the key's own, so that no two sub-keys of a key share a partition.
/// Sub-key 0 belongs to the key's own partition. Records keep their key. Order is kept only within a sub-key.
/// </remarks>
/// <param name="width">The count of sub-keys of a hot key.</param>
/// <param name="keys">The hot keys, as text; a key's bytes are its UTF-8 form.</param>
public sealed class HotKeySpread(int width, IEnumerable<string> keys)
{
    private readonly byte[][] _keys = [.. keys.Select(Encoding.UTF8.GetBytes)];

    /// <summary>The partition of a key.</summary>
    /// <param name="key">The key's bytes.</param>
    /// <param name="partitionCount">The count of the topic's partitions, at least 1.</param>
    /// <param name="turn">The sub-key to use for hot keys: the same for all records of one request, and another one for the next request.</param>
    public int Choose(ReadOnlySpan<byte> key, int partitionCount, int turn)
    {
        var own = KeyPartitioner.Choose(key, partitionCount);
        return IsHot(key) ? (own + (turn % Math.Min(width, partitionCount))) % partitionCount : own;
    }

    /// <summary>Whether a key is spread.</summary>
    /// <param name="key">The key's bytes.</param>
    public bool IsHot(ReadOnlySpan<byte> key)
    {
        // There are only a few hot keys, and comparing lengths first is cheaper than a hash.
        foreach (var hot in _keys)
        {
            if (key.SequenceEqual(hot))
                return true;
        }

        return false;
    }
}
