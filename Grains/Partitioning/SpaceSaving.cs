using System.Diagnostics.CodeAnalysis;

namespace OrleansStream.Partitioning;

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
    private readonly Dictionary<byte[], int>.AlternateLookup<ReadOnlySpan<byte>> _places =
        new Dictionary<byte[], int>(KeyComparer.Instance).GetAlternateLookup<ReadOnlySpan<byte>>();

    // No counter before the one looked at next weighs as little as this, and none at all less.
    private double _smallestWeight;
    private int _next;

    /// <summary>The weight of all that was added.</summary>
    public double Total { get; private set; }

    /// <summary>The counters, the heaviest first.</summary>
    public IEnumerable<KeyWeight> Heaviest => _counters
        .OrderByDescending(counter => counter.Weight)
        .Select(counter => new KeyWeight([.. counter.Key], counter.Weight, counter.Error)); // its memory is used again

    /// <summary>Counts a key.</summary>
    /// <param name="key">The key's bytes; they are copied where they get a counter.</param>
    /// <param name="weight">How much; positive.</param>
    /// <param name="error">How much of that may be others', where the weight is an estimate itself.</param>
    public void Add(ReadOnlySpan<byte> key, double weight = 1, double error = 0)
    {
        Total += weight;
        if (_places.TryGetValue(key, out int place))
        {
            Counter known = _counters[place];
            _counters[place] = known with { Weight = known.Weight + weight, Error = known.Error + error };
            return;
        }

        if (_counters.Count < capacity)
        {
            byte[] added = key.ToArray();
            _counters.Add(new Counter(added, weight, error));
            _places.Dictionary[added] = _counters.Count - 1;
            return;
        }

        int smallest = FindSmallest();
        (byte[] taken, double inherited, _) = _counters[smallest];
        _places.Dictionary.Remove(taken);
        // Of many different keys each takes over a counter: keys of one form are as long.
        if (taken.Length != key.Length)
            taken = key.ToArray();
        else
            key.CopyTo(taken);
        _counters[smallest] = new Counter(taken, inherited + weight, inherited + error);
        _places.Dictionary[taken] = smallest;
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
            foreach (Counter counter in _counters)
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
        for (int i = 0; i < _counters.Count; i++)
        {
            Counter counter = _counters[i];
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

    private readonly record struct Counter(byte[] Key, double Weight, double Error);

    private sealed class KeyComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static readonly KeyComparer Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode([DisallowNull] byte[] obj) => GetHashCode(obj.AsSpan());

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = default(HashCode);
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
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
