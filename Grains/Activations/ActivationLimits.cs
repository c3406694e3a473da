namespace OrleansStream.Activations;

/// <summary>Bounds of the activations of grains.</summary>
internal static class ActivationLimits
{
    /// <summary>
    /// The time from the last call of an activation whose object does not exist to the end of that activation. A call with an invented name takes
    /// memory for this time.
    /// </summary>
    public static readonly TimeSpan EmptyActivationStay = TimeSpan.FromSeconds(1);
}
