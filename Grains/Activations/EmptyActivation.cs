
namespace OrleansStream.Activations;

/// <summary>
/// Ends an activation that has nothing, because the object of its name does not exist. Anybody may call any name, and an idle activation stays for a
/// quarter of an hour, so calls with invented names could fill the memory.
/// </summary>
/// <remarks>
/// The activation ends once nobody has called it for <see cref="ActivationLimits.EmptyActivationStay"/>, and not with its first answer. The runtime
/// forwards a call that meets an ending activation at most twice (Orleans 10.4), so some of many calls for one name would fail. Must only be used on
/// the grain's scheduler.
/// </remarks>
/// <param name="grain">The grain.</param>
/// <param name="time">Tells how long it has been unused.</param>
/// <param name="isEmpty">Whether the activation has nothing.</param>
internal sealed class EmptyActivation(IGrainBase grain, TimeProvider time, Func<bool> isEmpty)
{
    private IGrainTimer? _timer;
    private long _askedAt;

    /// <summary>Notes a call that may have found nothing.</summary>
    public void Asked()
    {
        _askedAt = time.GetTimestamp();
        if (isEmpty())
        {
            _timer ??= grain.RegisterGrainTimer(
                LookAsync, new GrainTimerCreationOptions(
                    ActivationLimits.EmptyActivationStay, ActivationLimits.EmptyActivationStay) { Interleave = true });
        }
    }

    private Task LookAsync(CancellationToken cancellationToken)
    {
        if (!isEmpty())
        {
            _timer?.Dispose();
            _timer = null;
        }
        else if (time.GetElapsedTime(_askedAt) >= ActivationLimits.EmptyActivationStay)
        {
            grain.DeactivateOnIdle();
        }

        return Task.CompletedTask;
    }
}
