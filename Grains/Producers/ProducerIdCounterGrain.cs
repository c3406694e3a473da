using Microsoft.Extensions.Logging;
using OrleansStream.Errors;

namespace OrleansStream.Producers;

/// <summary>A counter of producer ids.</summary>
/// <remarks>
/// The grain is not reentrant, and gives out a block only after it has written the counter behind the block under its etag. So of two activations the
/// stale one's write fails. A write whose outcome is unknown may have moved the counter; the next activation reads the counter, and at worst ids are
/// lost.
/// </remarks>
/// <param name="first">The first id of the counter's range.</param>
/// <param name="end">The first id behind the range.</param>
/// <param name="state">The stored counter.</param>
/// <param name="failures">Counts repeated failures.</param>
/// <param name="logger">Logs failures.</param>
internal abstract partial class ProducerIdCounterGrain(
    long first, long end, IPersistentState<ProducerIdState> state, RepeatedFailures failures, ILogger logger) : Grain
{
    private long NextId => Math.Max(first, state.State.NextId);

    /// <summary>Takes the next block of ids.</summary>
    /// <exception cref="StreamException">The counter could not be stored, or its range is used up.</exception>
    public async Task<long> TakeBlockAsync()
    {
        var taken = NextId;
        if (taken > end - ProducerLimits.IdsPerBlock)
            throw Unavailable("All producer ids are used up.");
        state.State = new ProducerIdState { NextId = taken + ProducerLimits.IdsPerBlock };
        try
        {
            await state.WriteStateAsync();
            return taken;
        }
        catch (Exception e)
        {
            Tell(e);
            DeactivateOnIdle();
            throw Unavailable("The counter of producer ids could not be stored. Try again.");
        }
    }

    /// <summary>
    /// Reads from the store how far the ids were given out, because another activation may have given out more than this one knows.
    /// </summary>
    /// <exception cref="StreamException">The counter could not be read.</exception>
    public async Task<long> FindEndAsync()
    {
        try
        {
            await state.ReadStateAsync();
            return NextId;
        }
        catch (Exception e)
        {
            Tell(e);
            DeactivateOnIdle();
            throw Unavailable("The counter of producer ids could not be read. Try again.");
        }
    }

    private void Tell(Exception exception)
    {
        if (failures.IsToTell(this.GetPrimaryKeyString(), out var count))
            LogFailed(exception, count);
    }

    private static StreamException Unavailable(string detail) => new(new StreamError(StreamErrorCode.CoordinatorNotAvailable, detail));

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "The counter of producer ids could not be stored or read; failures since this was last said: {Failures}")]
    private partial void LogFailed(Exception exception, int failures);
}

/// <summary>The stored form of a counter.</summary>
internal sealed record ProducerIdState
{
    /// <summary>The first id that was never given out; below the counter's range as long as none was given out.</summary>
    public long NextId { get; init; }
}
