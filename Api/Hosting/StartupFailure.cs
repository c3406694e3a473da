namespace OrleansStream.Api.Hosting;

/// <summary>Says in one line why the service could not start, where nothing knows better what to do.</summary>
internal static class StartupFailure
{
    /// <summary>The exit code of a failed start.</summary>
    public const int ExitCode = 1;

    /// <summary>The line for a failure.</summary>
    /// <param name="exception">The failure, as the host threw it.</param>
    public static string Explain(Exception exception)
    {
        // The innermost is the one that knows; those around it only tell where it came through.
        Exception cause = exception;
        while ((cause is AggregateException { InnerExceptions: [var first, ..] } ? first : cause.InnerException) is { } inner)
            cause = inner;
        return $"OrleansStream cannot start: {cause.Message.ReplaceLineEndings(" ")}";
    }
}
