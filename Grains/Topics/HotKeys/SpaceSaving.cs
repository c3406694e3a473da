namespace OrleansStream.Topics.HotKeys;

/// <summary>Finds the heaviest keys of a stream with a bounded count of counters.</summary>
/// <remarks>
/// Space-Saving (Metwally, Agrawal, El Abbadi, 2005): a key without a counter takes over the smallest one, and what that one held is
/// its error. With total weight N and m counters: every key heavier than N/m has a counter; a counter's weight less its error is at
/// most the key's true weight, and the weight itself at least that; no error exceeds N/m. Scaling keeps all of it. Not thread-safe.
/// </remarks>
/// <param name="capacity">The counters.</param>
internal sealed class SpaceSaving(int capacity)
{
    private readonly List<Counter> _counters = new(capacity);
    private readonly Dictionary<ReadOnlyMemory<byte>, int>.AlternateLookup<ReadOnlySpan<byte>> _places =
        new Dictionary<ReadOnlyMemory<byte>, int>(KeyComparer.Instance).GetAlternateLookup<ReadOnlySpan<byte>>();

    // No counter before the one looked at next weighs as little as this, and none at all less.
    private double _smallestWeight;
    private int _next;

    /// <summary>The weight of all that was added.</summary>
    public double Total { get; private set; }

    /// <summary>The counters, the heaviest first.</summary>
    public IEnumerable<KeyWeight> Heaviest => _counters
        .OrderByDescending(counter => counter.Weight)
        .Select(counter => new KeyWeight(counter.Key.ToArray(), counter.Weight, counter.Error)); // its memory is used again

    /// <summary>Counts a key.</summary>
    /// <param name="key">The key's bytes; they are copied where they get a counter.</param>
    /// <param name="weight">How much; positive.</param>
    /// <param name="error">How much of that may be others', where the weight is an estimate itself.</param>
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
        // Of many different keys each takes over a counter.
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

    /// <summary>The place of a counter that weighs least. Weights only grow between two looks at all counters.</summary>
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

    /// <summary>Counts weight of which no key is known.</summary>
    /// <param name="weight">How much.</param>
    public void AddOthers(double weight) => Total += weight;

    /// <summary>Makes everything weigh less: for sums that forget.</summary>
    /// <param name="factor">From 0 to 1.</param>
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

    /// <summary>Forgets all.</summary>
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

/// <summary>A key and what is known of its weight.</summary>
/// <param name="Key">The key's bytes.</param>
/// <param name="Weight">At least its true weight.</param>
/// <param name="Error">What of that may be others'.</param>
internal readonly record struct KeyWeight(byte[] Key, double Weight, double Error)
{
    /// <summary>At most its true weight.</summary>
    public double WeightMin => Weight - Error;
}
