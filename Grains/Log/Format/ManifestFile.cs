using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Storage;

namespace OrleansStream.Log.Format;

/// <summary>
/// The manifest as its owner holds it. Every change is a compare-and-swap; when a reply is lost, the owner reads the manifest to learn the outcome.
/// </summary>
internal sealed class ManifestFile
{
    private readonly IDocumentStore _documents;
    private readonly TimeProvider _time;
    private readonly string _name;
    private readonly LogTurn _turn = new();
    private string _etag;

    private ManifestFile(IDocumentStore documents, TimeProvider time, string name, PartitionManifest manifest, string etag) =>
        (_documents, _time, _name, Current, _etag) = (documents, time, name, manifest, etag);

    /// <summary>The last version this owner wrote.</summary>
    public PartitionManifest Current { get; private set; }

    /// <summary>Claims the next epoch. Once this returns, no older owner can change the manifest.</summary>
    /// <param name="place">Where the log is.</param>
    /// <param name="owner">A text that no other activation has.</param>
    /// <param name="begin">Creates the first segment of a log that has no manifest, and returns the manifest's first version.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <exception cref="LogFencedException">Others claimed it at each of <see cref="LogLimits.ClaimAttemptsMax"/> tries.</exception>
    public static async ValueTask<ManifestFile> ClaimAsync(
        LogPlace place, string owner, Func<ValueTask<PartitionManifest>> begin, CancellationToken cancellationToken)
    {
        var (documents, time, name) = (place.Documents, place.Time, SegmentName.ManifestOf(place.Name));
        PartitionManifest? first = null;
        for (var attempt = 0; attempt < LogLimits.ClaimAttemptsMax; attempt++)
        {
            var document = await documents.ReadAsync(name, cancellationToken).ConfigureAwait(false);
            PartitionManifest claim;
            if (document is { } existing)
            {
                var read = PartitionManifest.Parse(name, existing.Bytes.Span);
                if (read.Owner == owner)
                    return new ManifestFile(documents, time, name, read, existing.ETag); // an earlier try whose reply was lost

                claim = read with { Epoch = read.Epoch + 1, Owner = owner, Revision = 1 };
            }
            else
            {
                claim = first ??= await begin().ConfigureAwait(false);
            }

            try
            {
                var etag = await documents
                    .WriteAsync(name, claim.ToBytes(), document?.ETag, cancellationToken).ConfigureAwait(false);
                if (etag is not null)
                    return new ManifestFile(documents, time, name, claim, etag);
            }
            catch (StoreUnavailableException) when (attempt + 1 < LogLimits.ClaimAttemptsMax)
            {
                await LogPause.WaitAsync(LogLimits.RetryPauseMin, time, cancellationToken).ConfigureAwait(false);
            }
        }

        throw new LogFencedException($"'{name}' was claimed by others {LogLimits.ClaimAttemptsMax} times in a row.");
    }

    /// <summary>Changes the manifest; completes once the change is durable.</summary>
    /// <param name="change">Makes the new version from the current one; null leaves the manifest as it is.</param>
    /// <param name="cancellationToken">
    /// Gives up between two tries. The outcome of the last try is then unknown, so cancel only when no further update will follow.
    /// </param>
    /// <exception cref="LogFencedException">Another owner has claimed the manifest; the change was not made.</exception>
    public async ValueTask UpdateAsync(
        Func<PartitionManifest, PartitionManifest?> change, CancellationToken cancellationToken)
    {
        await _turn.EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (change(Current) is not { } changed)
                return;

            var next = changed with { Revision = Current.Revision + 1 };
            var bytes = next.ToBytes();
            for (var pause = LogLimits.RetryPauseMin; ; pause = LogPause.Next(pause))
            {
                if (await TryWriteAsync(next, bytes, cancellationToken).ConfigureAwait(false))
                    return;

                await LogPause.WaitAsync(pause, _time, cancellationToken).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            _turn.Leave();
        }
    }

    /// <summary>Reads whether the manifest is still this owner's.</summary>
    /// <exception cref="StoreUnavailableException">The manifest could not be read.</exception>
    public async ValueTask<Ownership> CheckAsync(CancellationToken cancellationToken)
    {
        var document = await _documents.ReadAsync(_name, cancellationToken).ConfigureAwait(false);
        return document is not { } read ? Ownership.Deleted
            : PartitionManifest.Parse(_name, read.Bytes.Span).Owner == Current.Owner ? Ownership.Ours
            : Ownership.Lost;
    }

    // The same bytes are sent with the same expected etag until one try is known to have taken effect. At most one can.
    private async ValueTask<bool> TryWriteAsync(PartitionManifest next, byte[] bytes, CancellationToken cancellationToken)
    {
        try
        {
            var etag = await _documents.WriteAsync(_name, bytes, _etag, cancellationToken).ConfigureAwait(false);
            if (etag is null)
            {
                var document = await _documents.ReadAsync(_name, cancellationToken).ConfigureAwait(false);
                if (document is not { } read || !read.Bytes.Span.SequenceEqual(bytes))
                    throw new LogFencedException($"Epoch {next.Epoch} has lost '{_name}': it was claimed or deleted.");

                etag = read.ETag; // an earlier try of ours whose reply was lost
            }

            (Current, _etag) = (next, etag);
            return true;
        }
        catch (Exception e) when (e is StoreUnavailableException or StoreFullException)
        {
            return false;
        }
    }
}

/// <summary>Who owns a log, by its manifest.</summary>
internal enum Ownership
{
    Ours,
    Lost,
    Deleted,
}
