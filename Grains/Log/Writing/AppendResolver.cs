using System.Buffers;
using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Log.State;
using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Log.Writing;

/// <summary>Finds out the outcome of an append when the store's answer does not tell it.</summary>
/// <remarks>Used by the write loop only, and by the opening before the loop exists.</remarks>
internal sealed class AppendResolver(OpenLog log)
{
    /// <summary>The outcome of an append that the store did not answer: unknown.</summary>
    public static readonly AppendOutcome NoAnswer = new(AppendStatus.Unknown, -1);

    /// <summary>The error of a refused append when the store does not tell who owns the log.</summary>
    public static readonly LogError NotProven = new(
        StreamErrorCode.NotLeaderOrFollower, "The store does not tell in time whether another server has taken the partition over; nothing was stored.");

    private long? _brokenAt;

    /// <summary>
    /// Reads what the active segment holds at a position whose outcome is open. Repeats it until the store answers or the log ends.
    /// </summary>
    public async ValueTask<FoundBytes> FindAsync(long position, ReadOnlyMemory<byte> bytes)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Max(bytes.Length, FenceBatch.LengthBytes));
        try
        {
            for (var pause = LogLimits.RetryPauseMin; !log.HasEnded; pause = LogPause.Next(pause))
            {
                try
                {
                    var read = await log.Place.Segments
                        .ReadAsync(log.Active.Name, position, buffer.AsMemory(0, Math.Max(bytes.Length, FenceBatch.LengthBytes)))
                        .ConfigureAwait(false);
                    return Judge(buffer.AsSpan(0, read), bytes.Span);
                }
                catch (SegmentNotFoundException)
                {
                    return FoundBytes.Nothing; // the caller asks who owns the log
                }
                catch (StoreUnavailableException)
                {
                    await log.PauseAsync(pause).ConfigureAwait(false);
                }
            }

            return FoundBytes.Nothing;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Finds out whether this owner still owns the log. Repeats it until the store answers or the log ends.</summary>
    /// <returns>False when the log has ended.</returns>
    public async ValueTask<bool> OwnsLogAsync()
    {
        for (var pause = LogLimits.RetryPauseMin; !log.HasEnded; pause = LogPause.Next(pause))
        {
            try
            {
                return await log.ProveOwnershipAsync(CancellationToken.None).ConfigureAwait(false);
            }
            catch (StoreUnavailableException)
            {
                await log.PauseAsync(pause).ConfigureAwait(false);
            }
            catch (CorruptDocumentException e)
            {
                log.EndWith(LogEnd.Offline, e.Message);
            }
        }

        return false;
    }

    /// <summary>
    /// Finds out whether this owner still owns the log, within <see cref="LogLimits.RefusalProofMax"/>: the appends of others wait meanwhile.
    /// </summary>
    /// <returns>False when the log has ended; null when the store does not tell.</returns>
    public async ValueTask<bool?> TryOwnsLogAsync()
    {
        using var late = new CancellationTokenSource(LogLimits.RefusalProofMax, log.Place.Time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(late.Token, log.Abandoned);
        try
        {
            return await log.ProveOwnershipAsync(ended.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException)
        {
            return log.HasEnded ? false : null;
        }
        catch (CorruptDocumentException e)
        {
            log.EndWith(LogEnd.Offline, e.Message);
            return false;
        }
    }

    /// <summary>Counts a failed sync. A second one within a short time ends the log, because its medium cannot be trusted.</summary>
    public void EndWhenBrokenAgain()
    {
        var again = _brokenAt is { } before && log.Place.Time.GetElapsedTime(before) < LogLimits.BrokenAgainWithin;
        _brokenAt = log.Place.Time.GetTimestamp();
        if (again)
            log.EndWith(LogEnd.Offline, $"The medium failed twice within {LogLimits.BrokenAgainWithin} to sync '{log.Active.Name}'.");
    }

    private FoundBytes Judge(ReadOnlySpan<byte> read, ReadOnlySpan<byte> ours)
    {
        if (read.IsEmpty)
            return FoundBytes.Nothing;
        if (read.StartsWith(ours))
            return FoundBytes.Ours;
        if (RecordBatchScanner.Validate(read, out var header, out _) != RecordBatchStatus.Valid || !FenceBatch.IsFence(header, out var epoch))
            return FoundBytes.Others;
        return epoch > log.Epoch ? FoundBytes.HigherFence : FoundBytes.PassedFence;
    }
}

/// <summary>What lies at the position to which bytes were sent.</summary>
internal enum FoundBytes
{
    /// <summary>Nothing yet.</summary>
    Nothing,

    /// <summary>The bytes that were sent.</summary>
    Ours,

    /// <summary>The fence of a newer owner: the bytes are not stored, and will not be.</summary>
    HigherFence,

    /// <summary>A late fence of this owner or an older one, which is harmless.</summary>
    PassedFence,

    /// <summary>Bytes that no known owner wrote.</summary>
    Others,
}

/// <summary>The outcome of appending a group's bytes.</summary>
/// <param name="Position">The position of the durable bytes; -1 when they are not stored.</param>
/// <param name="Error">Why the bytes are certainly not stored; null with position -1 when the log has ended instead.</param>
internal readonly record struct StoreResult(long Position, LogError? Error)
{
    public static readonly StoreResult Ended = new(-1, null);
}
