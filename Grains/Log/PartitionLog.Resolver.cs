using System.Buffers;
using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Resources;
using OrleansStream.Log.Writing;
using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Log;

// Storing one payload at one position until its outcome is certain: never other bytes where an outcome is open.
public sealed partial class PartitionLog
{
    private long? _brokenAt;

    private enum Found
    {
        Nothing,
        OurBytes,
        HigherFence,
        PassedFence,
        OtherBytes,
    }

    /// <summary>Stores bytes at the end of the active segment.</summary>
    /// <returns>Where they are; or why they are definitely not stored; or that the log has ended.</returns>
    private async ValueTask<StoreResult> StoreAsync(ReadOnlyMemory<byte> bytes)
    {
        var inDoubt = false; // an earlier try at this position may have taken effect, or still may
        var unexplained = 0;
        for (var pause = LogLimits.RetryPauseMin; _end is null; pause = ManifestFile.NextPause(pause))
        {
            var position = _active.Position;
            var outcome = await TryAppendAsync(_active.Name, position, bytes).ConfigureAwait(false);
            switch (outcome.Status)
            {
                case AppendStatus.Appended:
                    return new StoreResult(position, null);
                case AppendStatus.StoreFull when !inDoubt:
                    return new StoreResult(-1, new LogError(
                        StreamErrorCode.KafkaStorageError, "The store has no room; nothing was stored.",
                        RetryAfter: LogLimits.OwnershipProofAge));
                case AppendStatus.Broken:
                    return await CutBrokenAsync().ConfigureAwait(false);
                case AppendStatus.NotFound when await OwnsLogAsync().ConfigureAwait(false):
                    End(LogEnd.Offline, $"Segment '{_active.Name}' has vanished from the store.");
                    return StoreResult.Ended;
                default:
                    break;
            }

            var found = await FindAsync(position, bytes).ConfigureAwait(false);
            switch (found)
            {
                case Found.OurBytes:
                    return new StoreResult(position, null);
                case Found.HigherFence:
                    // The fence has the one position our bytes were ever sent for: they are nowhere, and never will be.
                    End(
                        LogEnd.Fenced, $"Another owner has fenced epoch {Epoch} at position {position} of '{_active.Name}'.",
                        groupFailed: true);
                    return StoreResult.Ended;
                case Found.PassedFence:
                    lock (_gate)
                    {
                        _active.Position = position + FenceBatch.LengthBytes; // ours or an older one, come late: harmless
                        _active.AppendCount++;
                    }

                    inDoubt = false;
                    continue;
                case Found.OtherBytes:
                    End(LogEnd.Offline, $"Segment '{_active.Name}' holds bytes of nobody known at position {position}.");
                    return StoreResult.Ended;
                default:
                    break;
            }

            switch (outcome.Status)
            {
                case AppendStatus.Sealed or AppendStatus.SegmentFull when await OwnsLogAsync().ConfigureAwait(false):
                    // Nothing is there, and nothing can come any more: the position is settled, the bytes go to a new segment.
                    inDoubt = false;
                    await RollAsync().ConfigureAwait(false);
                    continue;
                case AppendStatus.Conflict when !inDoubt && ++unexplained > LogLimits.UnexplainedConflictsMax:
                    End(LogEnd.Offline, $"Segment '{_active.Name}' is shorter than the {position} bytes that were durable.");
                    return StoreResult.Ended;
                case AppendStatus.Unknown:
                    inDoubt = true;
                    break;
                default:
                    break;
            }

            await PauseAsync(pause).ConfigureAwait(false);
        }

        return StoreResult.Ended;
    }

    // Whatever way a store says that it did not answer: the outcome is open.
    private async ValueTask<AppendOutcome> TryAppendAsync(string segment, long position, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return await _segments.AppendAsync(segment, position, bytes).ConfigureAwait(false);
        }
        catch (StoreUnavailableException)
        {
            return new AppendOutcome(AppendStatus.Unknown, -1);
        }
    }

    /// <summary>Reads what is at a position whose outcome is open, as often as it takes.</summary>
    private async ValueTask<Found> FindAsync(long position, ReadOnlyMemory<byte> bytes)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Max(bytes.Length, FenceBatch.LengthBytes));
        try
        {
            for (var pause = LogLimits.RetryPauseMin; _end is null; pause = ManifestFile.NextPause(pause))
            {
                try
                {
                    var read = await _segments
                        .ReadAsync(_active.Name, position, buffer.AsMemory(0, Math.Max(bytes.Length, FenceBatch.LengthBytes)))
                        .ConfigureAwait(false);
                    return Judge(buffer.AsSpan(0, read), bytes.Span);
                }
                catch (SegmentNotFoundException)
                {
                    return Found.Nothing; // whose log it is decides
                }
                catch (StoreUnavailableException)
                {
                    await PauseAsync(pause).ConfigureAwait(false);
                }
            }

            return Found.Nothing;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private Found Judge(ReadOnlySpan<byte> read, ReadOnlySpan<byte> ours) =>
        read.IsEmpty ? Found.Nothing
        : read.StartsWith(ours) ? Found.OurBytes
        : RecordBatchScanner.Validate(read, out var header, out _) == RecordBatchStatus.Valid
            && FenceBatch.IsFence(header, out var epoch)
            ? epoch > Epoch ? Found.HigherFence : Found.PassedFence
        : Found.OtherBytes;

    /// <summary>Looks whose log it is, as often as it takes.</summary>
    /// <returns>False when it has ended.</returns>
    private async ValueTask<bool> OwnsLogAsync()
    {
        for (var pause = LogLimits.RetryPauseMin; _end is null; pause = ManifestFile.NextPause(pause))
        {
            try
            {
                return await ProveOwnershipAsync(CancellationToken.None).ConfigureAwait(false);
            }
            catch (StoreUnavailableException)
            {
                await PauseAsync(pause).ConfigureAwait(false);
            }
            catch (CorruptDocumentException e)
            {
                End(LogEnd.Offline, e.Message);
            }
        }

        return false;
    }

    // A failed sync: the bytes may be visible without being durable. The manifest cuts the segment at its last durable end, and the
    // log goes on in a new one; a medium that fails again at once is not trusted further.
    private async ValueTask<StoreResult> CutBrokenAsync()
    {
        EndWhenBrokenAgain();
        return await RollAsync().ConfigureAwait(false)
            ? new StoreResult(-1, new LogError(
                StreamErrorCode.KafkaStorageError, "The medium failed to sync; nothing was stored, and a new segment was begun.",
                RetryAfter: LogLimits.RetryPauseMax))
            : StoreResult.Ended;
    }

    private void EndWhenBrokenAgain()
    {
        var again = _brokenAt is { } before && _time.GetElapsedTime(before) < LogLimits.BrokenAgainWithin;
        _brokenAt = _time.GetTimestamp();
        if (again)
        {
            End(LogEnd.Offline, $"The medium failed to sync '{_active.Name}', twice within {LogLimits.BrokenAgainWithin}.");
        }
    }

    private async ValueTask PauseAsync(TimeSpan pause) =>
        await LogPause.WaitAsync(pause, _time, _abandoned.Token).ConfigureAwait(false);
}
