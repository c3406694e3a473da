namespace OrleansStream.Topics.HotKeys;

/// <summary>Counts a topic's keys in a process. It has one counter per processor, so that concurrent requests rarely share one.</summary>
/// <remarks>Safe to call from any thread. The counts are an estimate: a request that finds all counters taken is not counted.</remarks>
/// <param name="topicName">The topic's name.</param>
/// <param name="grains">Reaches the grain that the reports go to.</param>
/// <param name="time">Tells when a report is due.</param>
internal sealed class KeyCounters(string topicName, IGrainFactory grains, TimeProvider time)
{
    private readonly KeyCounter?[] _counters = new KeyCounter?[Environment.ProcessorCount];
    private readonly int[] _taken = new int[Environment.ProcessorCount];

    /// <summary>Takes a counter for one request. The caller must dispose the turn to return the counter.</summary>
    public Turn TakeTurn()
    {
        for (int i = 0, first = Thread.GetCurrentProcessorId(); i < _taken.Length; i++)
        {
            var place = (int)((uint)(first + i) % (uint)_taken.Length);
            if (Interlocked.CompareExchange(ref _taken[place], 1, 0) == 0)
                return new Turn(this, place);
        }

        return default;
    }

    /// <summary>The use of a counter by one request.</summary>
    public readonly ref struct Turn
    {
        private readonly KeyCounters? _owner;
        private readonly int _place;

        /// <summary>Creates the turn for a place that the caller has taken.</summary>
        /// <param name="owner">The counters.</param>
        /// <param name="place">The counter's place.</param>
        public Turn(KeyCounters owner, int place)
        {
            (_owner, _place) = (owner, place);
            Counter = owner._counters[place] ??= new KeyCounter(owner.TopicName, owner.Grains, owner.Time);
        }

        /// <summary>The counter; null when all were taken.</summary>
        public KeyCounter? Counter { get; }

        /// <summary>Returns the counter.</summary>
        public void Dispose()
        {
            if (_owner is not null)
                Volatile.Write(ref _owner._taken[_place], 0);
        }
    }

    private string TopicName => topicName;

    private IGrainFactory Grains => grains;

    private TimeProvider Time => time;
}
