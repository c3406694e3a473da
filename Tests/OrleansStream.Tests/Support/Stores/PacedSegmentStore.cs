using OrleansStream.Storage;

namespace OrleansStream.Tests.Support.Stores;

/// <summary>A segment store that takes as long as it is told, in virtual time, or does not answer at all for a while.</summary>
/// <param name="inner">What is stored.</param>
/// <param name="time">The virtual time.</param>
internal sealed class PacedSegmentStore(ISegmentStore inner, SimulatedTime time) : ISegmentStore
{
    /// <summary>When a dead store's client gives up waiting.</summary>
    private static readonly TimeSpan GiveUp = TimeSpan.FromSeconds(5);

    /// <summary>How long an append takes.</summary>
    public TimeSpan AppendTime { get; set; }

    /// <summary>True while nothing that is asked takes effect.</summary>
    public bool IsDead { get; set; }

    public SegmentStoreLimits Limits => inner.Limits;

    public ValueTask<AppendOutcome> AppendAsync(
        string name, long expectedPosition, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        var outcome = new TaskCompletionSource<AppendOutcome>();
        time.Schedule(IsDead ? GiveUp : AppendTime, async () => outcome.SetResult(
            IsDead ? new AppendOutcome(AppendStatus.Unknown, -1) : await inner.AppendAsync(name, expectedPosition, bytes)));
        return new ValueTask<AppendOutcome>(outcome.Task);
    }

    public ValueTask<int> ReadAsync(
        string name, long position, Memory<byte> destination, CancellationToken cancellationToken = default) =>
        IsDead ? throw new StoreUnavailableException("dead") : inner.ReadAsync(name, position, destination, cancellationToken);

    public ValueTask<bool> CreateAsync(string name, CancellationToken cancellationToken = default) =>
        inner.CreateAsync(name, cancellationToken);

    public ValueTask<AppendOutcome> AppendAnywhereAsync(
        string name, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default) =>
        inner.AppendAnywhereAsync(name, bytes, cancellationToken);

    public ValueTask SealAsync(string name, CancellationToken cancellationToken = default) => inner.SealAsync(name, cancellationToken);

    public ValueTask<SegmentExtent?> GetExtentAsync(string name, CancellationToken cancellationToken = default) =>
        inner.GetExtentAsync(name, cancellationToken);

    public ValueTask<SegmentExtent> SettleAsync(string name, long length, CancellationToken cancellationToken = default) =>
        inner.SettleAsync(name, length, cancellationToken);

    public IAsyncEnumerable<SegmentInfo> ListAsync(string prefix, CancellationToken cancellationToken = default) =>
        inner.ListAsync(prefix, cancellationToken);

    public ValueTask DeleteAsync(string name, CancellationToken cancellationToken = default) => inner.DeleteAsync(name, cancellationToken);
}
