namespace OrleansStream.Client.Records;

/// <summary>
/// Keeps the keys of delivered records, many in one array, so that a key costs its own bytes and no array. What was given out is never written
/// again: it lives as long as somebody has it. For one thread at a time.
/// </summary>
internal sealed class KeyMemory
{
    // A record that somebody keeps for long keeps no more than this.
    private const int ChunkBytes = 4 * 1024;

    private byte[] _chunk = [];
    private int _used;

    /// <summary>Keeps a key.</summary>
    /// <param name="key">The key, which the caller's memory holds only for a while.</param>
    /// <returns>The same bytes.</returns>
    public ReadOnlyMemory<byte> Keep(ReadOnlySpan<byte> key)
    {
        if (key.Length > ChunkBytes / 4)
            return key.ToArray();
        if (key.Length > _chunk.Length - _used)
            (_chunk, _used) = (GC.AllocateUninitializedArray<byte>(ChunkBytes), 0);
        var kept = _chunk.AsMemory(_used, key.Length);
        key.CopyTo(kept.Span);
        _used += key.Length;
        return kept;
    }
}
