using System.Text;

namespace OrleansStream.Topics.Partitioning;

/// <summary>Spreads the records of hot keys over several partitions: each hot key stands for as many sub-keys.</summary>
/// <remarks>
/// Sub-key <c>i</c> of a key lies <c>i</c> partitions behind the key's own, so that no two of one key meet in a partition; sub-key 0 is
/// where the key is without spreading. The record keeps its key. Order is kept within a sub-key only.
/// </remarks>
/// <param name="width">The sub-keys of a hot key.</param>
/// <param name="keys">The hot keys, as text whose UTF-8 bytes they are.</param>
public sealed class HotKeySpread(int width, IEnumerable<string> keys)
{
    private readonly byte[][] _keys = [.. keys.Select(Encoding.UTF8.GetBytes)];

    /// <summary>The partition of a key.</summary>
    /// <param name="key">The key's bytes.</param>
    /// <param name="partitionCount">The count of the topic's partitions, at least 1.</param>
    /// <param name="turn">Which sub-key a hot key stands for: the same for all records of one request, and another for the next.</param>
    public int Choose(ReadOnlySpan<byte> key, int partitionCount, int turn)
    {
        var own = KeyPartitioner.Choose(key, partitionCount);
        return IsHot(key) ? (own + (turn % Math.Min(width, partitionCount))) % partitionCount : own;
    }

    // A handful of keys: comparing lengths first is cheaper than a hash.
    private bool IsHot(ReadOnlySpan<byte> key)
    {
        foreach (var hot in _keys)
        {
            if (key.SequenceEqual(hot))
                return true;
        }

        return false;
    }
}
