using OrleansStream.Storage;

namespace OrleansStream.Tests.Support.Stores;

/// <summary>A segment store that does all as another one does. A test's store derives from it and overrides what is to be different.</summary>
/// <param name="inner">The other store.</param>
internal abstract class ForwardingSegmentStore(ISegmentStore inner) : ISegmentStore
{
    public SegmentStoreLimits Limits => inner.Limits;

    public virtual ValueTask<AppendOutcome> AppendAsync(
        string name, long expectedPosition, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default) =>
        inner.AppendAsync(name, expectedPosition, bytes, cancellationToken);

    public virtual ValueTask<int> ReadAsync(
        string name, long position, Memory<byte> destination, CancellationToken cancellationToken = default) =>
        inner.ReadAsync(name, position, destination, cancellationToken);

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
