using OrleansStream.Log.Contract;
using OrleansStream.Log.Reading;
using OrleansStream.Log.Resources;
using OrleansStream.Log.State;
using OrleansStream.Log.Writing;
using OrleansStream.Storage;

namespace OrleansStream.Log.Retention;

/// <summary>The maintenance of an open log, and whether there is any to do.</summary>
/// <remarks>One round, or one deletion of records, runs at a time, because each takes the turn.</remarks>
internal sealed class LogMaintenance(OpenLog log, LogWriter writer, SegmentTimes times)
{
    private readonly LogTurn _turn = new();
    private readonly LogRetention _retention = new(log, times);
    private readonly SegmentFreeing _freeing = new(log);

    /// <summary>Whether a round would do anything now; false once the log has ended. It looks at state in memory only.</summary>
    public bool IsDue
    {
        get
        {
            lock (log.Gate)
            {
                return !log.HasEnded
                    && (log.Producers.IsExpiryDue(log.NowMs) || AreCachesIdle() || _retention.IsRollWanted() || _retention.IsDue()
                        || times.HasUnsaved || _freeing.IsDue());
            }
        }
    }

    /// <summary>One round: closes an aged segment, applies retention, frees deleted segments after their grace.</summary>
    /// <inheritdoc cref="PartitionLog.MaintainAsync"/>
    public async ValueTask MaintainAsync(CancellationToken cancellationToken)
    {
        await _turn.EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            DropIdleCaches();
            if (log.HasEnded)
                return;

            writer.RollWhen(() => !log.HasEnded && _retention.IsRollWanted()); // only the write loop rolls
            await _retention.RetainAsync(cancellationToken).ConfigureAwait(false);
            await times.SaveAsync(cancellationToken).ConfigureAwait(false);
            await _freeing.FreeDeletedAsync(cancellationToken).ConfigureAwait(false);
            await _freeing.FreeOrphansAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (LogFencedException e)
        {
            log.EndWith(LogEnd.Fenced, e.Message);
        }
        catch (CorruptDocumentException e)
        {
            log.EndWith(LogEnd.Offline, e.Message);
        }
        catch (OperationCanceledException) when (log.Abandoned.IsCancellationRequested)
        {
            // the log ended meanwhile
        }
        catch (Exception e) when (e is StoreUnavailableException or StoreFullException or ColdReadsBusyException)
        {
            // the next round tries again
        }
        finally
        {
            _turn.Leave();
        }
    }

    /// <summary>Moves the log start offset up, and removes the whole segments below it.</summary>
    /// <inheritdoc cref="PartitionLog.DeleteRecordsAsync"/>
    public async ValueTask<LogError?> DeleteRecordsAsync(long beforeOffset, CancellationToken cancellationToken)
    {
        await _turn.EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await _retention.DeleteRecordsAsync(beforeOffset, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _turn.Leave();
        }
    }

    private void DropIdleCaches()
    {
        lock (log.Gate)
        {
            log.Producers.Expire(log.NowMs);
            if (AreCachesIdle())
            {
                log.Tail.Clear();
                log.ReadAhead.Clear();
                log.Indexes.Clear();
            }
        }
    }

    private bool AreCachesIdle() =>
        log.Appends.Group is null && !(log.Tail.IsEmpty && log.ReadAhead.IsEmpty && log.Indexes.IsEmpty)
        && log.Place.Time.GetElapsedTime(log.UsedAt) > LogLimits.CacheIdleMax;
}
