using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;

namespace OrleansStream.Rest.Produce;

/// <summary>
/// What an ndjson stream takes of its node's memory: little while it waits for lines, and a share to work in while lines are there. So thousands
/// of quiet streams leave room to all others.
/// </summary>
/// <param name="load">The request's part of the node's memory.</param>
internal sealed class LineMemory(RequestLoad load)
{
    private long _bytes;
    private bool _hasWorked;

    /// <summary>Keeps what a stream needs that waits for its sender.</summary>
    /// <param name="keptBytes">The bytes that stay: of a line that is not whole yet, and of records that are not appended yet.</param>
    public void Rest(long keptBytes)
    {
        var bytes = ProduceLimits.NdjsonBytesAtRest + keptBytes;
        if (bytes >= _bytes)
            return;
        load.Return(_bytes - bytes);
        _bytes = bytes;
    }

    /// <summary>
    /// Takes what a stream needs that works on its lines. Where the node has not as much, a stream that begins is refused, and one that is under
    /// way waits.
    /// </summary>
    /// <param name="keptBytes">As <see cref="Rest"/> has them.</param>
    /// <exception cref="StreamException">There is not as much.</exception>
    public ValueTask WorkAsync(long keptBytes)
    {
        var steps = (keptBytes + ProduceLimits.NdjsonReadBytes - 1) / ProduceLimits.NdjsonReadBytes;
        var more = ProduceLimits.NdjsonBytesAtRest + ProduceLimits.NdjsonBytesInFlight + steps * ProduceLimits.NdjsonReadBytes - _bytes;
        if (more <= 0)
            return default;
        var isUnderWay = _hasWorked;
        _hasWorked = true;
        _bytes += more;
        if (isUnderWay)
            return TakeAsync(more);
        load.Take(more);
        return default;
    }

    private async ValueTask TakeAsync(long bytes)
    {
        try
        {
            await load.TakeAsync(bytes);
        }
        catch
        {
            _bytes -= bytes;
            throw;
        }
    }
}
