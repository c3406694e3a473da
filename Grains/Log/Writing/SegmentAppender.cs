using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Log.State;
using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Log.Writing;

/// <summary>
/// Appends one payload at one position until its outcome is certain. Other bytes are never sent to a position whose outcome is open.
/// </summary>
/// <remarks>Used by the write loop only.</remarks>
internal sealed class SegmentAppender(OpenLog log, SegmentRoller roller)
{
    private readonly AppendResolver _resolver = roller.Resolver;

    /// <summary>Appends bytes to the active segment.</summary>
    /// <returns>The position of the bytes, or why they are certainly not stored, or that the log has ended.</returns>
    public async ValueTask<StoreResult> AppendAsync(ReadOnlyMemory<byte> bytes)
    {
        var inDoubt = false; // an earlier try at this position may have taken effect, or may still do so
        var unexplained = 0;
        for (var pause = LogLimits.RetryPauseMin; !log.HasEnded; pause = LogPause.Next(pause))
        {
            var position = log.Active.Position;
            var outcome = await _resolver.TryAppendAsync(log.Active.Name, position, bytes).ConfigureAwait(false);
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
                case AppendStatus.NotFound when await _resolver.OwnsLogAsync().ConfigureAwait(false):
                    log.EndWith(LogEnd.Offline, $"Segment '{log.Active.Name}' has vanished from the store.");
                    return StoreResult.Ended;
                default:
                    break;
            }

            var found = await _resolver.FindAsync(position, bytes).ConfigureAwait(false);
            switch (found)
            {
                case FoundBytes.Ours:
                    return new StoreResult(position, null);
                case FoundBytes.HigherFence:
                    // Our bytes were only ever sent to this position, and the fence has it: they are not stored, and never will be.
                    log.EndWith(
                        LogEnd.Fenced, $"Another owner has fenced epoch {log.Epoch} at position {position} of '{log.Active.Name}'.",
                        groupFailed: true);
                    return StoreResult.Ended;
                case FoundBytes.PassedFence:
                    StepOverFence(position);
                    inDoubt = false;
                    continue;
                case FoundBytes.Others:
                    log.EndWith(LogEnd.Offline, $"Segment '{log.Active.Name}' holds bytes at position {position} that no known owner wrote.");
                    return StoreResult.Ended;
                default:
                    break;
            }

            switch (outcome.Status)
            {
                case AppendStatus.Sealed or AppendStatus.SegmentFull when await _resolver.OwnsLogAsync().ConfigureAwait(false):
                    // Nothing is at the position, and nothing can come: its outcome is certain, and the bytes go to a new segment.
                    inDoubt = false;
                    await roller.RollAsync().ConfigureAwait(false);
                    continue;
                case AppendStatus.Conflict when !inDoubt && ++unexplained > LogLimits.UnexplainedConflictsMax:
                    log.EndWith(LogEnd.Offline, $"Segment '{log.Active.Name}' is shorter than its {position} durable bytes.");
                    return StoreResult.Ended;
                case AppendStatus.Unknown:
                    inDoubt = true;
                    break;
                default:
                    break;
            }

            await log.PauseAsync(pause).ConfigureAwait(false);
        }

        return StoreResult.Ended;
    }

    private void StepOverFence(long position)
    {
        lock (log.Gate)
        {
            log.Active.Position = position + FenceBatch.LengthBytes;
            log.Active.AppendCount++;
        }
    }

    // After a failed sync the bytes may be visible without being durable. The manifest cuts the segment at its last durable end, and the log goes on
    // in a new segment.
    private async ValueTask<StoreResult> CutBrokenAsync()
    {
        _resolver.EndWhenBrokenAgain();
        return await roller.RollAsync().ConfigureAwait(false)
            ? new StoreResult(-1, new LogError(
                StreamErrorCode.KafkaStorageError, "The medium failed to sync; nothing was stored, and a new segment was begun.",
                RetryAfter: LogLimits.RetryPauseMax))
            : StoreResult.Ended;
    }
}
