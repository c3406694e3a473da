using OrleansStream.Gateway.Reading;

namespace OrleansStream.Rest.Http;

/// <summary>Repeats a request that only reads when a server died during it, so that another server answers it.</summary>
/// <param name="next">The rest of the pipeline.</param>
/// <param name="time">The clock.</param>
internal sealed class LostReadMiddleware(RequestDelegate next, TimeProvider time)
{
    /// <summary>Runs one request.</summary>
    /// <param name="context">The request.</param>
    public Task InvokeAsync(HttpContext context) => HttpMethods.IsGet(context.Request.Method) ? RepeatAsync(context) : next(context);

    private async Task RepeatAsync(HttpContext context)
    {
        var startedAt = time.GetTimestamp();
        while (true)
        {
            try
            {
                await next(context);
                return;
            }
            catch (OrleansException) when (!context.Response.HasStarted && time.GetElapsedTime(startedAt) < ReadingLimits.LostReadRepeatMax)
            {
                context.Response.Clear();
            }

            await Task.Delay(ReadingLimits.LostReadPause, time, context.RequestAborted);
        }
    }
}
