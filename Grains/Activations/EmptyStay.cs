
namespace OrleansStream.Activations;

/// <summary>
/// Has an activation leave that holds nothing, since what it is named after does not exist. Anybody may ask for any name, and an idle
/// activation stays for a quarter of an hour: names alone would fill the memory.
/// </summary>
/// <remarks>
/// It leaves once nobody has asked for <see cref="StayMax"/>, and not with the first answer: a call that meets a leaving activation is sent on
/// to the next one twice at most (Orleans 10.4), so under many calls for one name some would fail. Only for use on the grain's scheduler.
/// </remarks>
/// <param name="grain">The grain.</param>
/// <param name="time">The clock.</param>
/// <param name="isEmpty">Tells whether it holds nothing.</param>
internal sealed class EmptyStay(IGrainBase grain, TimeProvider time, Func<bool> isEmpty)
{
    /// <summary>How long an activation stays that holds nothing, after the last call to it: names that do not exist cost memory for so long.</summary>
    public static readonly TimeSpan StayMax = TimeSpan.FromSeconds(1);

    private IGrainTimer? _timer;
    private long _askedAt;

    /// <summary>Notes a call that may have found nothing.</summary>
    public void Asked()
    {
        _askedAt = time.GetTimestamp();
        if (isEmpty())
            _timer ??= grain.RegisterGrainTimer(LookAsync, new GrainTimerCreationOptions(StayMax, StayMax) { Interleave = true });
    }

    private Task LookAsync(CancellationToken cancellationToken)
    {
        if (!isEmpty())
        {
            _timer?.Dispose();
            _timer = null;
        }
        else if (time.GetElapsedTime(_askedAt) >= StayMax)
        {
            grain.DeactivateOnIdle();
        }

        return Task.CompletedTask;
    }
}
