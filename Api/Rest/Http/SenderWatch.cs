using OrleansStream.Gateway.Admission;

namespace OrleansStream.Rest.Http;

/// <summary>Watches over the sender of bytes that are held until they are whole, and cuts its connection where it holds memory without going on.</summary>
/// <remarks>
/// It looks every <see cref="HttpLimits.BodyLook"/>. Once <see cref="HttpLimits.BodyBytesPerLook"/> are held, as many have to come from one look to the
/// next. While more than half of the node's memory is taken, that goes for whatever is longer than <see cref="HttpLimits.BodyBytesAhead"/>. What is shorter
/// is cheap to hold, and may come as slowly as the sender likes, as long as something comes.
/// </remarks>
/// <param name="context">The request.</param>
/// <param name="load">What it takes of the node's memory.</param>
/// <param name="mayRest">True when nothing needs to come while little is held: the sender has more to say some other time.</param>
internal sealed partial class SenderWatch(HttpContext context, RequestLoad load, bool mayRest = false) : IAsyncDisposable
{
    private ITimer? _timer;
    private long _cameBytes;
    private long _heldBytes;
    private long _watchedBytes;
    private long _watchedHeldBytes;

    /// <summary>Notes how far the sender is. To be called before each wait for it.</summary>
    /// <param name="cameBytes">What came so far, in bytes.</param>
    /// <param name="heldBytes">What of it is held.</param>
    public void Wait(long cameBytes, long heldBytes)
    {
        Volatile.Write(ref _cameBytes, cameBytes);
        Volatile.Write(ref _heldBytes, heldBytes);
        if (heldBytes > 0 || !mayRest)
            _timer ??= load.Time.CreateTimer(static watch => ((SenderWatch)watch!).Look(), this, HttpLimits.BodyLook, HttpLimits.BodyLook);
    }

    /// <summary>Notes that it is not the sender that is waited for.</summary>
    public void Suspend() => Volatile.Write(ref _heldBytes, 0);

    /// <summary>Ends it, and waits for a look that is under way: it must not cut the connection's next request.</summary>
    public ValueTask DisposeAsync() => _timer?.DisposeAsync() ?? default;

    private void Look()
    {
        var came = Volatile.Read(ref _cameBytes) - _watchedBytes;
        var held = Volatile.Read(ref _heldBytes);
        var needed = NeededBytes(Math.Min(held, _watchedHeldBytes));
        _watchedBytes += came;
        _watchedHeldBytes = held;
        var isHeldUpByQuota = context.Request.Body is MeteredBody metered && metered.TakeHasWaited();
        if (came >= needed || isHeldUpByQuota)
            return;
        var logger = context.RequestServices.GetRequiredService<ILogger<SenderWatch>>();
        LogCut(logger, context.Request.Method, context.Request.Path, came, (int)HttpLimits.BodyLook.TotalSeconds);
        context.Abort();
    }

    private long NeededBytes(long heldBytes)
    {
        if (heldBytes >= HttpLimits.BodyBytesPerLook || (heldBytes > HttpLimits.BodyBytesAhead && load.IsNodeHalfTaken))
            return HttpLimits.BodyBytesPerLook;
        return mayRest ? 0 : 1;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Method} {Path}: {Bytes} bytes of the body came in {Seconds} s; the connection is cut")]
    private static partial void LogCut(ILogger logger, string method, PathString path, long bytes, int seconds);
}
