using OrleansStream.Storage;

namespace OrleansStream.Tests.Support.Stores;

/// <summary>A segment store that takes as long as it is told, in virtual time, or does not answer at all for a while.</summary>
/// <param name="inner">What is stored.</param>
/// <param name="time">The virtual time.</param>
internal sealed class PacedSegmentStore(ISegmentStore inner, SimulatedTime time) : ForwardingSegmentStore(inner)
{
    /// <summary>When a dead store's client gives up waiting.</summary>
    private static readonly TimeSpan GiveUp = TimeSpan.FromSeconds(5);

    /// <summary>How long an append takes.</summary>
    public TimeSpan AppendTime { get; set; }

    /// <summary>True while nothing that is asked takes effect.</summary>
    public bool IsDead { get; set; }

    public override ValueTask<AppendOutcome> AppendAsync(
        string name, long expectedPosition, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        var outcome = new TaskCompletionSource<AppendOutcome>();
        time.Schedule(IsDead ? GiveUp : AppendTime, async () => outcome.SetResult(
            IsDead ? new AppendOutcome(AppendStatus.Unknown, -1) : await base.AppendAsync(name, expectedPosition, bytes, CancellationToken.None)));
        return new ValueTask<AppendOutcome>(outcome.Task);
    }

    public override ValueTask<int> ReadAsync(
        string name, long position, Memory<byte> destination, CancellationToken cancellationToken = default) =>
        IsDead ? throw new StoreUnavailableException("dead") : base.ReadAsync(name, position, destination, cancellationToken);
}
