namespace OrleansStream.Topics.HotKeys;

/// <summary>Finds the heaviest keys of a stream with a bounded count of counters.</summary>
/// <remarks>
/// This is Space-Saving (Metwally, Agrawal, El Abbadi, 2005). A key without a counter takes over the counter with the smallest weight, and that
/// weight becomes the key's error. With total weight N and m counters, every key heavier than N/m has a counter. A counter's weight is at least the
/// key's true weight; the weight less the error is at most the true weight; no error exceeds N/m. Scaling preserves these bounds. Not thread-safe.
/// </remarks>
/// <param name="capacity">The count of counters.</param>
internal sealed class SpaceSaving(int capacity)
{
    private readonly List<Counter> _counters = new(capacity);
    private readonly Dictionary<ReadOnlyMemory<byte>, int>.AlternateLookup<ReadOnlySpan<byte>> _places =
        new Dictionary<ReadOnlyMemory<byte>, int>(KeyComparer.Instance).GetAlternateLookup<ReadOnlySpan<byte>>();

    // No counter weighs less than this, and every counter before _next weighs more.
    private double _smallestWeight;
    private int _next;

    /// <summary>The total weight of everything that was added.</summary>
    public double Total { get; private set; }

    /// <summary>The counters, the heaviest first.</summary>
    public IEnumerable<KeyWeight> Heaviest => _counters
        .OrderByDescending(counter => counter.Weight)
        .Select(counter => new KeyWeight(counter.Key.ToArray(), counter.Weight, counter.Error)); // its memory is used again

    /// <summary>Counts a key.</summary>
    /// <param name="key">The key's bytes; they are copied if the key gets a counter.</param>
    /// <param name="weight">The weight to add; positive.</param>
    /// <param name="error">The part of the weight that may belong to other keys, if the weight is itself an estimate.</param>
    public void Add(ReadOnlySpan<byte> key, double weight = 1, double error = 0)
    {
        Total += weight;
        if (_places.TryGetValue(key, out var place))
        {
            var known = _counters[place];
            _counters[place] = known with { Weight = known.Weight + weight, Error = known.Error + error };
            return;
        }

        if (_counters.Count < capacity)
        {
            SetCounter(_counters.Count, key.ToArray(), key.Length, weight, error);
            return;
        }

        var smallest = FindSmallest();
        var taken = _counters[smallest];
        _places.Dictionary.Remove(taken.Key);
        // Reuses the counter's memory, because with many different keys each one takes over a counter.
        var bytes = taken.Bytes.Length >= key.Length ? taken.Bytes : new byte[key.Length];
        key.CopyTo(bytes);
        SetCounter(smallest, bytes, key.Length, taken.Weight + weight, taken.Weight + error);
    }

    private void SetCounter(int place, byte[] bytes, int length, double weight, double error)
    {
        var counter = new Counter(bytes, length, weight, error);
        if (place == _counters.Count)
            _counters.Add(counter);
        else
            _counters[place] = counter;
        _places.Dictionary[counter.Key] = place;
    }

    /// <summary>
    /// Finds the place of a counter with the smallest weight. The search may go on where it ended, because weights only grow between two full passes.
    /// </summary>
    private int FindSmallest()
    {
        while (true)
        {
            for (; _next < _counters.Count; _next++)
            {
                if (_counters[_next].Weight <= _smallestWeight)
                    return _next;
            }

            _next = 0;
            _smallestWeight = double.MaxValue;
            foreach (var counter in _counters)
                _smallestWeight = Math.Min(_smallestWeight, counter.Weight);
        }
    }

    /// <summary>Adds weight without a key.</summary>
    /// <param name="weight">The weight to add.</param>
    public void AddOthers(double weight) => Total += weight;

    /// <summary>Multiplies all weights by a factor, so that older records count less.</summary>
    /// <param name="factor">The factor, from 0 to 1.</param>
    public void Scale(double factor)
    {
        Total *= factor;
        (_smallestWeight, _next) = (0, 0);
        for (var i = 0; i < _counters.Count; i++)
        {
            var counter = _counters[i];
            _counters[i] = counter with { Weight = counter.Weight * factor, Error = counter.Error * factor };
        }
    }

    /// <summary>Removes all keys and weights.</summary>
    public void Clear()
    {
        Total = 0;
        (_smallestWeight, _next) = (0, 0);
        _counters.Clear();
        _places.Dictionary.Clear();
    }

    private readonly record struct Counter(byte[] Bytes, int Length, double Weight, double Error)
    {
        public ReadOnlyMemory<byte> Key => Bytes.AsMemory(0, Length);
    }

    private sealed class KeyComparer
        : IEqualityComparer<ReadOnlyMemory<byte>>, IAlternateEqualityComparer<ReadOnlySpan<byte>, ReadOnlyMemory<byte>>
    {
        public static readonly KeyComparer Instance = new();

        public bool Equals(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceEqual(y.Span);

        public int GetHashCode(ReadOnlyMemory<byte> obj) => GetHashCode(obj.Span);

        public bool Equals(ReadOnlySpan<byte> alternate, ReadOnlyMemory<byte> other) => alternate.SequenceEqual(other.Span);

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = default(HashCode);
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public ReadOnlyMemory<byte> Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}

/// <summary>A key with the bounds of its weight.</summary>
/// <param name="Key">The key's bytes.</param>
/// <param name="Weight">An upper bound of the key's true weight.</param>
/// <param name="Error">The part of the weight that may belong to other keys.</param>
internal readonly record struct KeyWeight(byte[] Key, double Weight, double Error)
{
    /// <summary>A lower bound of the key's true weight.</summary>
    public double WeightMin => Weight - Error;
}
