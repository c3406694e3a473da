using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Storage;

namespace OrleansStream.Log;

// Upkeep: what a log does by itself now and then, and how it is told that there is nothing to do without asking the store.
public sealed partial class PartitionLog
{
    private readonly LogTurn _upkeep = new();

    /// <summary>Whether a round of upkeep would do anything now; false once the log has ended.</summary>
    /// <remarks>It looks at the log's state in memory alone, so thousands of idle logs can be asked often.</remarks>
    public bool IsUpkeepDue
    {
        get
        {
            lock (_gate)
            {
                return _end is null
                    && (_producers.IsExpiryDue(NowMs) || AreCachesIdle() || IsRollWanted() || IsRetentionDue() || _unsavedTimes.Count > 0
                        || !FindFreeable().IsEmpty || IsOrphanSearchDue());
            }
        }
    }

    /// <summary>One round of upkeep: closes an aged segment, applies retention, frees deleted segments after their grace.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <remarks>A failure of the store leaves the rest to the next round.</remarks>
    public async ValueTask MaintainAsync(CancellationToken cancellationToken = default)
    {
        await _upkeep.EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            DropIdleCaches();
            if (_end is not null)
            {
                return;
            }

            RequestRollWhenAged();
            await RetainAsync(cancellationToken).ConfigureAwait(false);
            await SaveTimesAsync(cancellationToken).ConfigureAwait(false);
            await FreeDeletedAsync(cancellationToken).ConfigureAwait(false);
            await FreeOrphansAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (LogFencedException e)
        {
            End(LogEnd.Fenced, e.Message);
        }
        catch (CorruptDocumentException e)
        {
            End(LogEnd.Offline, e.Message);
        }
        catch (OperationCanceledException) when (_abandoned.IsCancellationRequested)
        {
            // the log ended meanwhile
        }
        catch (Exception e) when (e is StoreUnavailableException or StoreFullException or ColdReadsBusyException)
        {
            // the next round tries again
        }
        finally
        {
            _upkeep.Leave();
        }
    }

    private void DropIdleCaches()
    {
        lock (_gate)
        {
            _producers.Expire(NowMs);
            if (AreCachesIdle())
            {
                _tail.Clear();
                _blocks.Clear();
                _indexes.Clear();
            }
        }
    }

    private bool AreCachesIdle() =>
        _group is null && !(_tail.IsEmpty && _blocks.IsEmpty && _indexes.IsEmpty)
        && _time.GetElapsedTime(_usedAt) > LogLimits.CacheIdleMax;

    // Only the write loop rolls.
    private void RequestRollWhenAged()
    {
        lock (_gate)
        {
            if (_end is not null || !IsRollWanted())
            {
                return;
            }

            _rollWanted = true;
            if (!StartsDraining())
            {
                return;
            }
        }

        _ = DrainAsync();
    }

    // As in Kafka the active segment is closed first when age alone would delete it.
    private bool IsRollWanted()
    {
        var options = Volatile.Read(ref _options);
        var hasRecords = _active.Manifest.BaseOffset < _endOffset;
        return hasRecords && !_isClosing && _sealed.Count + 1 < LogLimits.SegmentsMax
            && (IsAged(options) || IsExpired(_active.MaxTimestampMs, NowMs, options));
    }
}
