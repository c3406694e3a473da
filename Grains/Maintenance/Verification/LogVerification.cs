using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Producers;
using OrleansStream.Storage;

namespace OrleansStream.Maintenance.Verification;

/// <summary>What is wrong with a log as it is stored.</summary>
/// <param name="Place">The document or segment it is about.</param>
/// <param name="Position">The first byte in the segment that cannot be trusted; null where no byte is at fault.</param>
/// <param name="Offset">The first offset that cannot be served because of it; null where there is none.</param>
/// <param name="Detail">What is wrong, without a full stop.</param>
/// <param name="IsHarmless">True for what the next owner puts right by itself, with no record lost.</param>
public sealed record LogFault(string Place, long? Position, long? Offset, string Detail, bool IsHarmless = false);

/// <summary>
/// Reads every byte of a log by its manifest, and judges it by the rules of recovery. Nothing is changed, and no owner is disturbed.
/// </summary>
/// <remarks>
/// In a store that several processes share it may run beside the log's owner: segments that retention takes away meanwhile are no fault.
/// Of each segment the first fault of its chain is told, since nothing behind it is vouched for; before it, each batch whose records cannot all
/// be read, though its checksum is right: up to <see cref="LogLimits.SegmentFaultsMax"/>.
/// </remarks>
public sealed class LogVerification
{
    private const string Unbegun = "it has no manifest, but records: its manifest was lost";
    private readonly string _log;
    private readonly ISegmentReader _segments;
    private readonly IDocumentReader _documents;
    private readonly List<LogFault> _faults = [];

    private LogVerification(string log, ISegmentReader segments, IDocumentReader documents) =>
        (_log, _segments, _documents) = (log, segments, documents);

    /// <summary>What is wrong; empty when nothing is.</summary>
    public IReadOnlyList<LogFault> Faults => _faults;

    /// <summary>The segments that were read.</summary>
    public int SegmentCount { get; private set; }

    /// <summary>The bytes that were read and found right.</summary>
    public long Bytes { get; private set; }

    /// <summary>Verifies a log.</summary>
    /// <param name="log">The log's name.</param>
    /// <param name="segments">Where its segments are.</param>
    /// <param name="documents">Where its manifest is.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StoreUnavailableException">The store cannot be read.</exception>
    public static async ValueTask<LogVerification> RunAsync(
        string log, ISegmentReader segments, IDocumentReader documents, CancellationToken cancellationToken = default)
    {
        var verification = new LogVerification(log, segments, documents);
        if (await verification.ReadManifestAsync(cancellationToken).ConfigureAwait(false) is not { } manifest)
            return verification;

        foreach (var segment in manifest.Segments)
            await verification.VerifyAsync(segment, cancellationToken).ConfigureAwait(false);

        return verification;
    }

    private async ValueTask<PartitionManifest?> ReadManifestAsync(CancellationToken cancellationToken)
    {
        var name = SegmentName.ManifestOf(_log);
        try
        {
            if (await _documents.ReadAsync(name, cancellationToken).ConfigureAwait(false) is { } document)
                return PartitionManifest.Parse(name, document.Bytes.Span);

            // A crash at the creation of a log leaves an empty segment without a manifest: that is begun anew.
            var hasBytes = await _segments.ListAsync(_log + "/", cancellationToken)
                .AnyAsync(segment => segment.Length > 0, cancellationToken).ConfigureAwait(false);
            if (hasBytes)
                _faults.Add(new LogFault(name, null, null, Unbegun));
        }
        catch (CorruptDocumentException e)
        {
            _faults.Add(new LogFault(name, null, null, e.Message.TrimEnd('.')));
        }

        return null;
    }

    private async ValueTask VerifyAsync(ManifestSegment segment, CancellationToken cancellationToken)
    {
        if (await _segments.GetExtentAsync(segment.Name, cancellationToken).ConfigureAwait(false) is not { } extent)
        {
            await ReportMissingAsync(segment, cancellationToken).ConfigureAwait(false);
            return;
        }

        var scan = new SegmentScan(_segments, segment.Name, segment.BaseOffset, new ProducerStates(), nowMs: 0, opensBatches: true);
        try
        {
            await scan.RunAsync(segment.IsSealed ? segment.Length : null, cancellationToken).ConfigureAwait(false);
        }
        catch (LogCorruptException)
        {
            await ReportMissingAsync(segment, cancellationToken).ConfigureAwait(false);
            return;
        }

        SegmentCount++;
        Bytes += scan.Position;
        foreach (var fault in scan.Faults)
            _faults.Add(new LogFault(segment.Name, fault.Position, fault.Unreadable?.Offset, Describe(fault)));

        Judge(segment, extent, scan);
        if (segment.IsSealed)
        {
            await VerifyCacheAsync(
                SegmentName.IndexOf(segment.Name), bytes => SegmentIndex.TryParse(segment.BaseOffset, bytes.Span) is not null,
                cancellationToken).ConfigureAwait(false);
        }

        if (segment.HasProducers)
        {
            await VerifyCacheAsync(
                SegmentName.ProducersOf(segment.Name), bytes => ProducerStates.TryParse(bytes.Span) is not null,
                cancellationToken).ConfigureAwait(false);
        }
    }

    private static string Describe(in BatchFault fault) => fault.Unreadable is { } unreadable
        ? $"the records at offsets {unreadable.Offset} to {unreadable.LastOffset} cannot be read: {fault.Detail.TrimEnd('.')}"
        : fault.Detail.TrimEnd('.');

    private void Judge(ManifestSegment segment, SegmentExtent extent, SegmentScan scan)
    {
        if (segment.IsSealed || extent.Settled || scan.Position < extent.DurableLength)
        {
            var what = scan.Damage ?? (scan.Position < extent.DurableLength && !segment.IsSealed ? "it ends there" : null);
            if (what is not null)
            {
                _faults.Add(new LogFault(segment.Name, scan.Position, scan.EndOffset, what));
            }
            else if (segment.IsSealed && scan.EndOffset != segment.EndOffset)
            {
                _faults.Add(new LogFault(
                    segment.Name, scan.Position, scan.EndOffset, $"it ends there, and is to hold all below offset {segment.EndOffset}"));
            }
        }
        else if (scan.Position < extent.Length)
        {
            _faults.Add(new LogFault(
                segment.Name, scan.Position, scan.EndOffset,
                $"a crash left {extent.Length - scan.Position} bytes there that were never acknowledged; the next start cuts them",
                IsHarmless: true));
        }
    }

    // Retention or an owner that begins a new segment may have been faster than we.
    private async ValueTask ReportMissingAsync(ManifestSegment segment, CancellationToken cancellationToken)
    {
        var name = SegmentName.ManifestOf(_log);
        var document = await _documents.ReadAsync(name, cancellationToken).ConfigureAwait(false);
        if (document is { } now && PartitionManifest.Parse(name, now.Bytes.Span).Segments.Exists(s => s.Name == segment.Name))
            _faults.Add(new LogFault(segment.Name, 0, segment.BaseOffset, "it is not there, and the manifest names it"));
    }

    private async ValueTask VerifyCacheAsync(
        string name, Func<ReadOnlyMemory<byte>, bool> isWhole, CancellationToken cancellationToken)
    {
        bool isDamaged;
        try
        {
            isDamaged = await _documents.ReadAsync(name, cancellationToken).ConfigureAwait(false) is { } document && !isWhole(document.Bytes);
        }
        catch (CorruptDocumentException)
        {
            isDamaged = true;
        }

        if (isDamaged)
            _faults.Add(new LogFault(name, null, null, "it is damaged; what it held is made again from the segments", IsHarmless: true));
    }
}
