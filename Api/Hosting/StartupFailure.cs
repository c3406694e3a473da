using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;

namespace OrleansStream.Api.Hosting;

/// <summary>Says in one line why the service could not start and what to do.</summary>
internal static class StartupFailure
{
    /// <summary>The exit code of a failed start.</summary>
    public const int ExitCode = 1;

    /// <summary>The line for a failure.</summary>
    /// <param name="exception">The failure, as the host threw it.</param>
    /// <param name="urls">Where the service was to listen.</param>
    public static string Explain(Exception exception, string? urls)
    {
        Exception[] chain = [.. Unfold(exception)];
        string reason = chain.OfType<OptionsValidationException>().FirstOrDefault() is { } invalid
            ? $"wrong setting: {string.Join(' ', invalid.Failures)}"
            : chain.OfType<AddressInUseException>().Any()
                ? $"{urls} is in use by another process. Stop that one, or choose another address: --urls http://localhost:8081"
                : chain[^1].Message;
        return "OrleansStream cannot start: " + reason.ReplaceLineEndings(" ");
    }

    private static IEnumerable<Exception> Unfold(Exception exception)
    {
        // The innermost is the one that knows; those around it only tell where it came through.
        for (Exception? e = exception; e is not null; e = e is AggregateException { InnerExceptions: [var first, ..] } ? first : e.InnerException)
        {
            yield return e;
            // This one's message already says what to do, and its cause is only the system's view of it.
            if (e.GetType().Namespace is { } space && space.StartsWith("OrleansStream", StringComparison.Ordinal))
                yield break;
        }
    }
}
