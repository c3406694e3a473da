namespace OrleansStream.Storage.Memory;

/// <summary>
/// Segments in this process's memory, for tests. It is also the simplest implementation of <see cref="ISegmentStore"/>.
/// </summary>
/// <param name="limits">Its bounds; null for those of Azure, so that tests meet the same ones.</param>
/// <param name="timeProvider">The clock of <see cref="SegmentInfo.LastModified"/>.</param>
/// <remarks>Safe for concurrent use. Nothing outlives the object, so an append counts as durable as soon as it is visible.</remarks>
public sealed class MemorySegmentStore(SegmentStoreLimits? limits = null, TimeProvider? timeProvider = null) : ISegmentStore
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, MemorySegment> _segments = new(StringComparer.Ordinal);
    private readonly TimeProvider _timeProvider = timeProvider ?? TimeProvider.System;

    /// <summary>The default bounds: those of an append blob, and one copy.</summary>
    public static SegmentStoreLimits DefaultLimits { get; } = new(4 * 1024 * 1024, 50_000, 1);

    /// <inheritdoc/>
    public SegmentStoreLimits Limits { get; } = limits ?? DefaultLimits;

    /// <inheritdoc/>
    public ValueTask<bool> CreateAsync(string name, CancellationToken cancellationToken = default)
    {
        StoreNames.Check(name);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
            return new(_segments.TryAdd(name, new MemorySegment { LastModified = _timeProvider.GetUtcNow() }));
    }

    /// <inheritdoc/>
    public ValueTask<AppendOutcome> AppendAsync(
        string name, long expectedPosition, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        StoreNames.CheckAppend(name, expectedPosition, bytes.Length, Limits);
        cancellationToken.ThrowIfCancellationRequested();
        return new(Append(name, expectedPosition, bytes.Span));
    }

    /// <inheritdoc/>
    public ValueTask<AppendOutcome> AppendAnywhereAsync(
        string name, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        StoreNames.CheckAppend(name, 0, bytes.Length, Limits);
        cancellationToken.ThrowIfCancellationRequested();
        return new(Append(name, null, bytes.Span));
    }

    /// <inheritdoc/>
    public ValueTask SealAsync(string name, CancellationToken cancellationToken = default)
    {
        StoreNames.Check(name);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            if (_segments.TryGetValue(name, out var segment))
                segment.Sealed = true;
        }

        return default;
    }

    /// <inheritdoc/>
    public ValueTask<int> ReadAsync(
        string name, long position, Memory<byte> destination, CancellationToken cancellationToken = default)
    {
        StoreNames.Check(name);
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
            return new(Find(name).Read(position, destination.Span));
    }

    /// <inheritdoc/>
    public ValueTask<SegmentExtent?> GetExtentAsync(string name, CancellationToken cancellationToken = default)
    {
        StoreNames.Check(name);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
            return new(_segments.TryGetValue(name, out var segment) ? segment.Extent : null);
    }

    /// <inheritdoc/>
    /// <remarks>Nothing is ever unsettled here, so nothing is ever cut.</remarks>
    public ValueTask<SegmentExtent> SettleAsync(string name, long length, CancellationToken cancellationToken = default)
    {
        StoreNames.Check(name);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
            return new(Find(name).Extent);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<SegmentInfo> ListAsync(string prefix, CancellationToken cancellationToken = default)
    {
        StoreNames.CheckPrefix(prefix);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            return _segments
                .Where(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal))
                .Select(pair => new SegmentInfo(pair.Key, pair.Value.Length, pair.Value.LastModified))
                .ToArray()
                .ToAsyncEnumerable();
        }
    }

    /// <inheritdoc/>
    public ValueTask DeleteAsync(string name, CancellationToken cancellationToken = default)
    {
        StoreNames.Check(name);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
            _segments.Remove(name);
        return default;
    }

    private AppendOutcome Append(string name, long? expectedPosition, ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            if (!_segments.TryGetValue(name, out var segment))
                return new(AppendStatus.NotFound, -1);
            if (segment.Sealed)
                return new(AppendStatus.Sealed, segment.Length);
            if (expectedPosition is { } position && position != segment.Length)
                return new(AppendStatus.Conflict, segment.Length);
            if (segment.AppendCount >= Limits.AppendCountMax || segment.Length + bytes.Length > Array.MaxLength)
                return new(AppendStatus.SegmentFull, segment.Length);

            segment.Append(bytes);
            segment.LastModified = _timeProvider.GetUtcNow();
            return new(AppendStatus.Appended, segment.Length);
        }
    }

    private MemorySegment Find(string name) =>
        _segments.TryGetValue(name, out var segment) ? segment : throw new SegmentNotFoundException(name);

    private sealed class MemorySegment
    {
        private byte[] _buffer = [];

        public int Length { get; private set; }

        public int AppendCount { get; private set; }

        public bool Sealed { get; set; }

        public DateTimeOffset LastModified { get; set; }

        public SegmentExtent Extent => new(Length, Length, Settled: true, Sealed, AppendCount);

        public void Append(ReadOnlySpan<byte> bytes)
        {
            var length = Length + bytes.Length;
            if (length > _buffer.Length)
                Array.Resize(ref _buffer, (int)Math.Min(Array.MaxLength, Math.Max(length, 2L * _buffer.Length)));
            bytes.CopyTo(_buffer.AsSpan(Length));
            Length = length;
            AppendCount++;
        }

        public int Read(long position, Span<byte> destination)
        {
            if (position >= Length)
                return 0;
            var source = _buffer.AsSpan((int)position, (int)Math.Min(destination.Length, Length - position));
            source.CopyTo(destination);
            return source.Length;
        }
    }
}
