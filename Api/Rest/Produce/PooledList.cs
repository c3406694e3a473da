using System.Buffers;

namespace OrleansStream.Rest.Produce;

/// <summary>A list in pooled memory. Not for two threads at once.</summary>
/// <typeparam name="T">What it holds.</typeparam>
internal sealed class PooledList<T> : IDisposable
    where T : struct
{
    private const int CapacityInitial = 16;

    private T[] _items = [];

    public int Count { get; private set; }

    /// <summary>The items. Valid until the next call that changes the list.</summary>
    public ReadOnlyMemory<T> Items => _items.AsMemory(0, Count);

    /// <summary>An item, to be read only.</summary>
    /// <param name="index">The item's place, from 0.</param>
    public ref readonly T this[int index] => ref _items[index];

    public void Add(in T item, int times = 1)
    {
        if (times > _items.Length - Count)
            Grow(Count + times);
        _items.AsSpan(Count, times).Fill(item);
        Count += times;
    }

    /// <summary>Forgets the items and keeps the memory.</summary>
    public void Clear() => Count = 0;

    /// <inheritdoc/>
    public void Dispose()
    {
        Count = 0;
        if (_items.Length > 0)
            ArrayPool<T>.Shared.Return(_items);
        _items = [];
    }

    private void Grow(int count)
    {
        var larger = ArrayPool<T>.Shared.Rent(Math.Max(CapacityInitial, Math.Max(count, 2 * _items.Length)));
        _items.AsSpan(0, Count).CopyTo(larger);
        if (_items.Length > 0)
            ArrayPool<T>.Shared.Return(_items);
        _items = larger;
    }
}
