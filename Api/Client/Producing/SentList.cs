using System.Runtime.InteropServices;

namespace OrleansStream.Client.Producing;

/// <summary>The records of a call, by their places. Those of a list or an array are taken from where they lie.</summary>
/// <typeparam name="T">The type of their values.</typeparam>
internal readonly struct SentList<T>
{
    private readonly List<OutgoingRecord<T>>? _list;
    private readonly OutgoingRecord<T>[] _array;

    /// <summary>Takes the records.</summary>
    /// <param name="records">They stay as they are until the last of them is sent.</param>
    public SentList(IReadOnlyCollection<OutgoingRecord<T>> records)
    {
        _list = records as List<OutgoingRecord<T>>;
        _array = _list is null ? records as OutgoingRecord<T>[] ?? [.. records] : [];
        Count = _list?.Count ?? _array.Length;
    }

    /// <summary>How many there are.</summary>
    public int Count { get; }

    /// <summary>A record.</summary>
    /// <param name="index">Its place.</param>
    public ref readonly OutgoingRecord<T> this[int index] => ref All[index];

    /// <summary>The records from a place on.</summary>
    /// <param name="index">The place.</param>
    public ReadOnlySpan<OutgoingRecord<T>> From(int index) => All[index..];

    private ReadOnlySpan<OutgoingRecord<T>> All => _list is null
        ? _array
        : _list.Count == Count ? CollectionsMarshal.AsSpan(_list) : throw new InvalidOperationException("The list was changed while its records were sent.");
}
