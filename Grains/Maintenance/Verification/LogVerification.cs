using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Producers;
using OrleansStream.Storage;

namespace OrleansStream.Maintenance.Verification;

/// <summary>A fault of a stored log.</summary>
/// <param name="Place">The document or segment that has the fault.</param>
/// <param name="Position">The position in the segment of the first byte that cannot be trusted; null when the fault is not in bytes.</param>
/// <param name="Offset">The first offset that cannot be served because of the fault; null when there is none.</param>
/// <param name="Detail">What is wrong, without a full stop.</param>
/// <param name="IsHarmless">True when the next owner repairs it by itself and no record is lost.</param>
public sealed record LogFault(string Place, long? Position, long? Offset, string Detail, bool IsHarmless = false);

/// <summary>
/// Reads every byte of a log by its manifest, and checks it by the rules of recovery. It changes nothing, and disturbs no owner.
/// </summary>
/// <remarks>
/// In a store that several processes share it may run beside the log's owner. Segments that retention removes meanwhile are not a fault. For each
/// segment it reports the first break of the chain, because nothing behind the break is certain. Before the break it reports each batch that has
/// unreadable records although its checksum is right, up to <see cref="LogLimits.SegmentFaultsMax"/>.
/// </remarks>
public sealed class LogVerification
{
    private const string Unbegun = "it has records, but no manifest: its manifest was lost";
    private readonly string _log;
    private readonly ISegmentReader _segments;
    private readonly IDocumentReader _documents;
    private readonly List<LogFault> _faults = [];

    private LogVerification(string log, ISegmentReader segments, IDocumentReader documents) =>
        (_log, _segments, _documents) = (log, segments, documents);

    /// <summary>The faults; empty when there are none.</summary>
    public IReadOnlyList<LogFault> Faults => _faults;

    /// <summary>The count of segments that were read.</summary>
    public int SegmentCount { get; private set; }

    /// <summary>The count of bytes that were read and are right.</summary>
    public long Bytes { get; private set; }

    /// <summary>Verifies a log.</summary>
    /// <param name="log">The log's name.</param>
    /// <param name="segments">Where its segments are.</param>
    /// <param name="documents">Where its manifest is.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
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

            // A crash during the creation of a log leaves an empty segment without a manifest. The next owner begins the log again.
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
            var what = scan.Damage ?? (scan.Position < extent.DurableLength && !segment.IsSealed ? "the segment ends there" : null);
            if (what is not null)
            {
                _faults.Add(new LogFault(segment.Name, scan.Position, scan.EndOffset, what));
            }
            else if (segment.IsSealed && scan.EndOffset != segment.EndOffset)
            {
                _faults.Add(new LogFault(
                    segment.Name, scan.Position, scan.EndOffset, $"the segment ends there, but must hold all offsets below {segment.EndOffset}"));
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

    // Retention, or an owner that began a new segment, may have removed the segment meanwhile.
    private async ValueTask ReportMissingAsync(ManifestSegment segment, CancellationToken cancellationToken)
    {
        var name = SegmentName.ManifestOf(_log);
        var document = await _documents.ReadAsync(name, cancellationToken).ConfigureAwait(false);
        if (document is { } now && PartitionManifest.Parse(name, now.Bytes.Span).Segments.Exists(s => s.Name == segment.Name))
            _faults.Add(new LogFault(segment.Name, 0, segment.BaseOffset, "the manifest names it, but it does not exist"));
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
            _faults.Add(new LogFault(name, null, null, "it is damaged; the next owner makes it again from the segments", IsHarmless: true));
    }
}
