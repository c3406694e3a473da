using System.Buffers;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Log.State;
using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Log.Writing;

/// <summary>Finds out what became of bytes that were sent to a segment, where the store's answer does not say so.</summary>
/// <remarks>Only the write loop uses it, and the opening before there is one.</remarks>
internal sealed class AppendResolver(OpenLog log)
{
    private long? _brokenAt;

    /// <summary>Sends bytes to a position of a segment. However a store fails to answer, the outcome is unknown.</summary>
    public async ValueTask<AppendOutcome> TryAppendAsync(string segment, long position, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return await log.Place.Segments.AppendAsync(segment, position, bytes).ConfigureAwait(false);
        }
        catch (StoreUnavailableException)
        {
            return new AppendOutcome(AppendStatus.Unknown, -1);
        }
    }

    /// <summary>Reads what the active segment has at a position whose outcome is open, as often as it takes.</summary>
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
                    return FoundBytes.Nothing; // whose log it is decides
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

    /// <summary>Looks whose log it is, as often as it takes.</summary>
    /// <returns>False when it has ended.</returns>
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

    /// <summary>Takes note of a failed sync, and ends the log when it is the second in a short time: its medium is not trusted further.</summary>
    public void EndWhenBrokenAgain()
    {
        var again = _brokenAt is { } before && log.Place.Time.GetElapsedTime(before) < LogLimits.BrokenAgainWithin;
        _brokenAt = log.Place.Time.GetTimestamp();
        if (again)
            log.EndWith(LogEnd.Offline, $"The medium failed to sync '{log.Active.Name}', twice within {LogLimits.BrokenAgainWithin}.");
    }

    private FoundBytes Judge(ReadOnlySpan<byte> read, ReadOnlySpan<byte> ours) =>
        read.IsEmpty ? FoundBytes.Nothing
        : read.StartsWith(ours) ? FoundBytes.Ours
        : RecordBatchScanner.Validate(read, out var header, out _) == RecordBatchStatus.Valid
            && FenceBatch.IsFence(header, out var epoch)
            ? epoch > log.Epoch ? FoundBytes.HigherFence : FoundBytes.PassedFence
        : FoundBytes.Others;
}

/// <summary>What lies at a position that bytes were sent to.</summary>
internal enum FoundBytes
{
    /// <summary>Nothing, so far.</summary>
    Nothing,

    /// <summary>The bytes that were sent.</summary>
    Ours,

    /// <summary>The fence of a newer owner: the bytes are not stored, and will not be.</summary>
    HigherFence,

    /// <summary>A fence of this owner or an older one, come late: harmless.</summary>
    PassedFence,

    /// <summary>Bytes that no known owner wrote.</summary>
    Others,
}

/// <summary>What became of a group's bytes.</summary>
/// <param name="Position">Where they are, durably; -1 when they are not.</param>
/// <param name="Error">Why they are definitely not stored; null with -1 when the log has ended instead.</param>
internal readonly record struct StoreResult(long Position, LogError? Error)
{
    public static readonly StoreResult Ended = new(-1, null);
}
