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

    // Of the append under way: whether an earlier try at this position may have taken effect, or may still do so; and conflicts without a cause.
    private bool _inDoubt;
    private int _unexplained;

    /// <summary>Appends bytes to the active segment.</summary>
    /// <param name="bytes">The group's stamped batches, back to back. They must not change until the call ends.</param>
    /// <param name="mayBlock">True when the store may keep this thread until they are durable.</param>
    /// <returns>The position of the bytes, or why they are certainly not stored, or that the log has ended.</returns>
    public async ValueTask<StoreResult> AppendAsync(ReadOnlyMemory<byte> bytes, bool mayBlock)
    {
        (_inDoubt, _unexplained) = (false, 0);
        for (var pause = LogLimits.RetryPauseMin; !log.HasEnded; pause = LogPause.Next(pause))
        {
            var position = log.Active.Position;
            AppendOutcome outcome;
            try
            {
                var append = mayBlock
                    ? log.Place.Segments.AppendHereAsync(log.Active.Name, position, bytes)
                    : log.Place.Segments.AppendAsync(log.Active.Name, position, bytes);
                mayBlock = false; // later tries run on other threads
                outcome = await append.ConfigureAwait(false);
            }
            catch (StoreUnavailableException)
            {
                outcome = AppendResolver.NoAnswer;
            }

            if (outcome.Status == AppendStatus.Appended)
                return new StoreResult(position, null);
            LogInstruments.StoreRefused(NameOf(outcome.Status));
            var (result, triesAtOnce) = await ResolveAsync(outcome.Status, position, bytes).ConfigureAwait(false);
            if (result is { } end)
                return end;
            if (!triesAtOnce)
                await log.PauseAsync(pause).ConfigureAwait(false);
        }

        return StoreResult.Ended;
    }

    /// <summary>Finds out what became of a try that the store did not confirm.</summary>
    /// <returns>The result of the append; or null, and whether the next try may be made at once.</returns>
    private async ValueTask<(StoreResult? Result, bool TriesAtOnce)> ResolveAsync(AppendStatus status, long position, ReadOnlyMemory<byte> bytes)
    {
        switch (status)
        {
            case AppendStatus.StoreFull when !_inDoubt:
                return (new StoreResult(-1, new LogError(
                    StreamErrorCode.KafkaStorageError, "The store has no room; nothing was stored.",
                    RetryAfter: LogLimits.StoreFullRetryAfter)), false);
            case AppendStatus.Broken:
                return (await CutBrokenAsync().ConfigureAwait(false), false);
            case AppendStatus.NotFound when await _resolver.OwnsLogAsync().ConfigureAwait(false):
                return (End(LogEnd.Offline, $"Segment '{log.Active.Name}' has vanished from the store."), false);
            default:
                break;
        }

        switch (await _resolver.FindAsync(position, bytes).ConfigureAwait(false))
        {
            case FoundBytes.Ours:
                return (new StoreResult(position, null), false);
            case FoundBytes.HigherFence:
                // Our bytes were only ever sent to this position, and the fence has it: they are not stored, and never will be.
                log.EndWith(
                    LogEnd.Fenced, $"Another owner has fenced epoch {log.Epoch} at position {position} of '{log.Active.Name}'.", groupFailed: true);
                return (StoreResult.Ended, false);
            case FoundBytes.PassedFence:
                StepOverFence(position);
                _inDoubt = false;
                return (null, true);
            case FoundBytes.Others:
                return (End(LogEnd.Offline, $"Segment '{log.Active.Name}' holds bytes at position {position} that no known owner wrote."), false);
            default:
                break;
        }

        switch (status)
        {
            case AppendStatus.Sealed or AppendStatus.SegmentFull when await _resolver.OwnsLogAsync().ConfigureAwait(false):
                // Nothing is at the position, and nothing can come: its outcome is certain, and the bytes go to a new segment.
                _inDoubt = false;
                await roller.RollAsync().ConfigureAwait(false);
                return (null, true);
            case AppendStatus.Conflict when !_inDoubt && ++_unexplained > LogLimits.UnexplainedConflictsMax:
                return (End(LogEnd.Offline, $"Segment '{log.Active.Name}' is shorter than its {position} durable bytes."), false);
            default:
                _inDoubt |= status == AppendStatus.Unknown;
                return (null, false);
        }
    }

    private static string NameOf(AppendStatus status) => status switch
    {
        AppendStatus.Conflict => "conflict",
        AppendStatus.Sealed => "sealed",
        AppendStatus.NotFound => "not_found",
        AppendStatus.SegmentFull => "segment_full",
        AppendStatus.StoreFull => "store_full",
        AppendStatus.Broken => "broken",
        _ => "unknown",
    };

    private StoreResult End(LogEnd end, string detail)
    {
        log.EndWith(end, detail);
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
