using Microsoft.Extensions.Options;

namespace OrleansStream.Api.Hosting;

/// <summary>Says in one line why the service could not be put together from its settings.</summary>
internal static class StartupFailure
{
    /// <summary>The exit code of a failed start.</summary>
    public const int ExitCode = 1;

    /// <summary>The line for a failure.</summary>
    /// <param name="exception">The failure.</param>
    public static string Explain(Exception exception) => exception switch
    {
        OptionsValidationException invalid => string.Join(' ', invalid.Failures),
        _ => $"OrleansStream cannot start: {exception.Message.ReplaceLineEndings(" ")}",
    };
}
