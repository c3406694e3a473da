using System.IO.Pipelines;
using OrleansStream.Errors;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;

namespace OrleansStream.Rest.Produce;

internal sealed partial class LineRequest
{
    // Reads what has arrived. A body that has arrived completely is read to its end before any of it is stored. While nothing arrives, the lines
    // before are appended. Null at the end of the body, and once the request has been stopped.
    private async ValueTask<ReadResult?> ReadOrAppendAsync(PipeReader reader, CancellationTokenSource stop)
    {
        var coming = reader.ReadAsync(stop.Token);
        if (!coming.IsCompleted && !_isWhole)
        {
            try
            {
                await AppendChunkAsync();
            }
            catch
            {
                await AbandonAsync(reader, coming, stop);
                throw;
            }

            if (_isStopped)
            {
                await AbandonAsync(reader, coming, stop);
                return null;
            }
        }

        if (!coming.IsCompleted)
            Rest();
        try
        {
            var result = await coming;
            _watch.Suspend();
            await _memory.WorkAsync(HeldBytes);
            return result;
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested && produce.Stopping.IsCancellationRequested)
        {
            await StopAsync(new StreamError(
                StreamErrorCode.ShuttingDown, "The server is stopping; this line and those behind it were not stored."));
            return null;
        }
        catch (Exception exception) when (_hasAppended && FaultOf(exception) is { } fault)
        {
            // The body is damaged, so lines that have come and are not stored yet are dropped: they may not be what was sent.
            _isStopped = true;
            if (exception is BadHttpRequestException)
            {
                IsBodyRead = true;
                ProblemMiddleware.EndConnection(context);
            }

            results.AddError(fault with { Detail = fault.Detail + " This line and those behind it were not stored." });
            return null;
        }
    }

    // The bytes of memory that an incomplete line takes, and records that are not appended yet.
    private long HeldBytes => _heldLineBytes + (_records.Count == 0 ? 0 : _records.LengthBytes);

    private void Rest()
    {
        _memory.Rest(HeldBytes);
        _watch.Wait(_cameBytes, HeldBytes);
    }

    // A read that is left under way would keep the server from reading off the rest of the body.
    private static async ValueTask AbandonAsync(PipeReader reader, ValueTask<ReadResult> coming, CancellationTokenSource stop)
    {
        await stop.CancelAsync();
        try
        {
            var result = await coming;
            reader.AdvanceTo(result.Buffer.Start);
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or RequestException or StreamException)
        {
            // What stopped the request is told, and not what befell its body afterwards.
        }
    }

    // The error for a body that breaks off, has a wrong coding, or found no memory; null for any other failure.
    private static StreamError? FaultOf(Exception exception) => exception switch
    {
        RequestException request => request.Error,
        StreamException stream => stream.Error,
        BadHttpRequestException bad => ProblemMiddleware.Explain(bad).Error,
        _ => null,
    };
}
