using OrleansStream.Partitions;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>What becomes of the appends to some partitions, on a line to the store.</summary>
internal sealed class SickStore(Guid topicId)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
    private volatile int[] _partitions = [];
    private volatile bool _isDead;
    private long _delayTicks;

    /// <summary>The partitions whose appends are held up; the others' pass.</summary>
    public void Befall(params int[] partitions) => _partitions = partitions;

    /// <summary>How long each is held up; ended by nothing but the caller's patience while <paramref name="isDead"/>.</summary>
    public void Set(TimeSpan delay, bool isDead)
    {
        Interlocked.Exchange(ref _delayTicks, delay.Ticks);
        _isDead = isDead;
    }

    /// <summary>See <see cref="BlobLine.HoldAppendAsync"/>.</summary>
    public async Task HoldAsync(string segment, CancellationToken cancellationToken)
    {
        if (!IsHit(segment))
            return;
        if (TimeSpan.FromTicks(Interlocked.Read(ref _delayTicks)) is { Ticks: > 0 } delay)
            await Pacing.Real.PassAsync(delay, cancellationToken);
        while (_isDead && IsHit(segment))
            await Pacing.Real.PassAsync(Pause, cancellationToken);
    }

    private bool IsHit(string segment) => Array.Exists(
        _partitions, partition => segment.StartsWith(new PartitionKey(topicId, partition) + "/", StringComparison.Ordinal));
}
