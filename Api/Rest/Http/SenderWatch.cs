using OrleansStream.Gateway.Admission;
using OrleansStream.HttpErrors;

namespace OrleansStream.Rest.Http;

/// <summary>
/// Checks the sender of a body, or of a line, that is held in memory until it is whole. It cuts the connection when the sender holds memory and makes
/// too little progress.
/// </summary>
/// <remarks>
/// It checks every <see cref="HttpLimits.BodyLook"/>. Once <see cref="HttpLimits.BodyBytesPerLook"/> bytes are held, as many must come between two
/// checks. While more than half of the node's memory is taken, the same is required once more than <see cref="HttpLimits.BodyBytesAhead"/> bytes are
/// held. Fewer bytes are cheap to hold: of a body one byte between two checks is enough, and a stream that may rest needs none.
/// </remarks>
/// <param name="context">The request.</param>
/// <param name="load">The request's part of the node's memory.</param>
/// <param name="mayRest">True when a sender may pause for any time while few bytes are held, as that of an ndjson stream.</param>
internal sealed partial class SenderWatch(HttpContext context, RequestLoad load, bool mayRest = false) : IAsyncDisposable
{
    private ITimer? _timer;
    private long _cameBytes;
    private long _heldBytes;
    private long _watchedBytes;
    private long _watchedHeldBytes;

    /// <summary>Notes the sender's progress. Must be called before each wait for the sender.</summary>
    /// <param name="cameBytes">The bytes that have come so far.</param>
    /// <param name="heldBytes">How many of them are held in memory.</param>
    public void Wait(long cameBytes, long heldBytes)
    {
        Volatile.Write(ref _cameBytes, cameBytes);
        Volatile.Write(ref _heldBytes, heldBytes);
        if (heldBytes > 0 || !mayRest)
            _timer ??= load.Time.CreateTimer(static watch => ((SenderWatch)watch!).Look(), this, HttpLimits.BodyLook, HttpLimits.BodyLook);
    }

    /// <summary>Notes that the request does not wait for its sender now.</summary>
    public void Suspend() => Volatile.Write(ref _heldBytes, 0);

    /// <summary>Ends the checks, and waits for a check under way, which must not cut the connection's next request.</summary>
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
        ServiceCut.Cut(context);
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
