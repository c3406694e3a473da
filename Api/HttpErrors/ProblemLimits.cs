namespace OrleansStream.HttpErrors;

/// <summary>The bounds of problem documents.</summary>
internal static class ProblemLimits
{
    /// <summary>The longest name of a field in an error, in characters: a longer one, which only a mistaken request has, is cut short.</summary>
    public const int FieldLengthMax = 300;

    /// <summary>The longest explanation in an error, in characters: nobody gets back what they sent, however long it was.</summary>
    public const int DetailLengthMax = 2_000;

    /// <summary>When to come back where waiting helps and the error does not say, in seconds.</summary>
    public const int RetryAfterSecondsDefault = 1;
}
