using OrleansStream.Log.Format;
using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Tests.Simulation;

/// <summary>A mechanism of the protocol that is taken out, to see that the simulation notices.</summary>
public enum Mutation
{
    /// <summary>Nothing is taken out.</summary>
    None,

    /// <summary>Fences close a segment to nobody: an append that meets nothing but fences where it is to land lands behind them.</summary>
    NoFence,

    /// <summary>Appends land at the segment's end wherever that is.</summary>
    NoPositionCheck,

    /// <summary>Appends are reported before they are durable.</summary>
    AckBeforeDurable,

    /// <summary>Documents are overwritten whatever their etag is.</summary>
    NoCompareAndSwap,

    /// <summary>An append whose outcome is unknown is reported as not done.</summary>
    UnknownAsFailed,

    /// <summary>After a crash the store says nothing of the torn tail.</summary>
    NoSettle,

    /// <summary>Sequences are not compared: what a producer sends again counts as new, and nothing waits for what failed before it.</summary>
    NoSequences,

    /// <summary>Bytes are freed as soon as a manifest that deletes them is asked for, whether or not it takes effect.</summary>
    FreesBeforeManifest,

    /// <summary>The store's bounds are not heeded.</summary>
    NoBounds,

    /// <summary>Reading after a fence gives an old end of the segment, with the fence behind it: whoever looks for it is content.</summary>
    FenceInStaleReads,
}

/// <summary>Segments of a store that keeps all of its contract but one promise.</summary>
internal sealed class MutatedSegmentStore(ISegmentStore inner, Mutation mutation) : ISegmentStore
{
    private readonly Dictionary<string, byte[]> _fences = [];

    public SegmentStoreLimits Limits => mutation == Mutation.NoBounds
        ? new SegmentStoreLimits(int.MaxValue, int.MaxValue, 1)
        : inner.Limits;

    public ValueTask<bool> CreateAsync(string name, CancellationToken cancellationToken = default) =>
        inner.CreateAsync(name, cancellationToken);

    public async ValueTask<AppendOutcome> AppendAsync(
        string name, long expectedPosition, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        if (mutation == Mutation.NoPositionCheck)
            return await inner.AppendAnywhereAsync(name, bytes, cancellationToken).ConfigureAwait(false);
        var append = inner.AppendAsync(name, expectedPosition, bytes.ToArray(), cancellationToken);
        if (mutation == Mutation.AckBeforeDurable)
            return new AppendOutcome(AppendStatus.Appended, expectedPosition + bytes.Length);
        var outcome = await append.ConfigureAwait(false);
        if (mutation == Mutation.NoFence && outcome.Status == AppendStatus.Conflict
            && await HasOnlyFencesBehindAsync(name, expectedPosition, cancellationToken).ConfigureAwait(false))
        {
            return await inner.AppendAnywhereAsync(name, bytes, cancellationToken).ConfigureAwait(false);
        }

        return mutation == Mutation.UnknownAsFailed && outcome.Status == AppendStatus.Unknown
            ? new AppendOutcome(AppendStatus.StoreFull, -1)
            : outcome;
    }

    public ValueTask<AppendOutcome> AppendAnywhereAsync(
        string name, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        if (mutation == Mutation.FenceInStaleReads)
            _fences[name] = bytes.ToArray();
        return inner.AppendAnywhereAsync(name, bytes, cancellationToken);
    }

    public ValueTask SealAsync(string name, CancellationToken cancellationToken = default) =>
        inner.SealAsync(name, cancellationToken);

    public async ValueTask<int> ReadAsync(
        string name, long position, Memory<byte> destination, CancellationToken cancellationToken = default)
    {
        var read = await inner.ReadAsync(name, position, destination, cancellationToken).ConfigureAwait(false);
        if (!_fences.Remove(name, out var fence) || destination.Length < fence.Length)
            return read;
        fence.CopyTo(destination);
        return fence.Length;
    }

    public async ValueTask<SegmentExtent?> GetExtentAsync(string name, CancellationToken cancellationToken = default)
    {
        var extent = await inner.GetExtentAsync(name, cancellationToken).ConfigureAwait(false);
        return mutation != Mutation.NoSettle || extent is not { Settled: false } torn
            ? extent
            : await inner.SettleAsync(name, torn.Length, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<bool> HasOnlyFencesBehindAsync(string name, long position, CancellationToken cancellationToken)
    {
        var behind = new byte[Limits.AppendBytesMax];
        var length = await inner.ReadAsync(name, position, behind, cancellationToken).ConfigureAwait(false);
        var scanner = new RecordBatchScanner(behind.AsSpan(0, length), checkCrc: true);
        while (scanner.MoveNext())
        {
            if (!FenceBatch.IsFence(scanner.Header, out _))
                return false;
        }

        return length > 0;
    }

    public ValueTask<SegmentExtent> SettleAsync(string name, long length, CancellationToken cancellationToken = default) =>
        inner.SettleAsync(name, length, cancellationToken);

    public IAsyncEnumerable<SegmentInfo> ListAsync(string prefix, CancellationToken cancellationToken = default) =>
        inner.ListAsync(prefix, cancellationToken);

    public ValueTask DeleteAsync(string name, CancellationToken cancellationToken = default) =>
        inner.DeleteAsync(name, cancellationToken);
}

/// <summary>Documents of a store that keeps all of its contract but one promise.</summary>
internal sealed class MutatedDocumentStore(IDocumentStore inner, ISegmentStore segments, Mutation mutation) : IDocumentStore
{
    public ValueTask<Document?> ReadAsync(string name, CancellationToken cancellationToken = default) =>
        inner.ReadAsync(name, cancellationToken);

    public async ValueTask<string?> WriteAsync(
        string name, ReadOnlyMemory<byte> bytes, string? expectedETag, CancellationToken cancellationToken = default)
    {
        var sent = bytes.ToArray();
        if (mutation == Mutation.FreesBeforeManifest && name.EndsWith("manifest.json", StringComparison.Ordinal))
        {
            foreach (var deleted in PartitionManifest.Parse(name, sent).Deleting)
                await segments.DeleteAsync(deleted.Name, cancellationToken).ConfigureAwait(false);
        }

        while (mutation == Mutation.NoCompareAndSwap)
        {
            var there = await inner.ReadAsync(name, cancellationToken).ConfigureAwait(false);
            if (await inner.WriteAsync(name, sent, there?.ETag, cancellationToken).ConfigureAwait(false) is { } etag)
                return etag;
        }

        return await inner.WriteAsync(name, sent, expectedETag, cancellationToken).ConfigureAwait(false);
    }

    public ValueTask<bool> DeleteAsync(string name, string? expectedETag, CancellationToken cancellationToken = default) =>
        inner.DeleteAsync(name, mutation == Mutation.NoCompareAndSwap ? null : expectedETag, cancellationToken);

    public IAsyncEnumerable<string> ListAsync(string prefix, CancellationToken cancellationToken = default) =>
        inner.ListAsync(prefix, cancellationToken);
}
