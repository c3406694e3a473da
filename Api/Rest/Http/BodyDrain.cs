using System.Buffers;
using Microsoft.AspNetCore.Http.Features;

namespace OrleansStream.Rest.Http;

/// <summary>
/// Reads the rest of a body after the answer that refuses it. If a connection is closed while its client still sends, it is reset, and the client may
/// never see the answer that was sent before.
/// </summary>
/// <remarks>Kestrel does this too, but only for 5 seconds, which is too short for slow senders.</remarks>
/// <param name="time">Times how long a refused body is read off.</param>
/// <param name="lifetime">Ends the reading when the service stops.</param>
internal sealed class BodyDrain(TimeProvider time, IHostApplicationLifetime lifetime)
{
    /// <summary>
    /// Ends the answer and reads the body to its end, up to <see cref="HttpLimits.RequestBytesDrainedMax"/> and
    /// <see cref="HttpLimits.RequestDrainTimeMax"/>. It never throws.
    /// </summary>
    /// <param name="context">The request, whose answer has been written.</param>
    public async Task RunAsync(HttpContext context)
    {
        var request = context.Request;
        // A client that waits to be asked for its body has its answer now, and will not send the body.
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false }
            || request.ContentLength > HttpLimits.RequestBytesDrainedMax || request.Headers.Expect.Count > 0)
        {
            return;
        }

        using var timeout = new CancellationTokenSource(HttpLimits.RequestDrainTimeMax, time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(lifetime.ApplicationStopping, timeout.Token);
        var buffer = ArrayPool<byte>.Shared.Rent(HttpLimits.MeteredReadBytes);
        try
        {
            await context.Response.CompleteAsync();
            long readBytes = 0;
            int read;
            do
            {
                read = await request.Body.ReadAsync(buffer, end.Token);
                readBytes += read;
            }
            while (read > 0 && readBytes < HttpLimits.RequestBytesDrainedMax);
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // The body broke off, is malformed or too long, or takes too long. A cancelled read leaves Kestrel's reader in disorder: Kestrel would
            // look for another request behind the body, and log that it cannot.
            context.Abort();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
