using System.Net;
using OrleansStream.Client.Connections;
using OrleansStream.Cli.Terminal;

namespace OrleansStream.Cli.Calls;

/// <summary>What failed, in the words of whoever has to do something about it.</summary>
/// <param name="ExitCode">What the shell is told.</param>
/// <param name="Code">Kafka's name of the error, or this program's.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Advice">What to do; null when the message says it.</param>
internal sealed record Fault(int ExitCode, string Code, string Message, string? Advice)
{
    /// <summary>What an exception means.</summary>
    /// <param name="exception">The exception.</param>
    /// <param name="server">The service that was called.</param>
    /// <param name="hasCredentials">True when a key or a token was sent.</param>
    /// <returns>Null for one that is a fault of this program.</returns>
    public static Fault? Of(Exception exception, string server, bool hasCredentials) => exception switch
    {
        CallException call => new Fault(call.ExitCode, call.ExitCode == Calls.ExitCode.Usage ? "USAGE" : "FAILED", call.Message, call.Advice),
        StreamServiceException { Status: null, ErrorCode: "NETWORK_EXCEPTION" } unanswered => new Fault(
            Calls.ExitCode.Unavailable, unanswered.ErrorCode, $"{server} does not answer: {CauseOf(unanswered)}",
            "Start a service with 'orleansstream serve', or name another one: --server URL, --profile NAME, or the variable ORLEANSSTREAM_SERVER."),
        StreamServiceException refused => new Fault(
            CodeOf(refused), refused.ErrorCode, refused.Problem?.Detail ?? refused.Message, AdviceFor(refused, hasCredentials)),
        IOException or UnauthorizedAccessException or InvalidDataException => new Fault(Calls.ExitCode.Failure, "INPUT", exception.Message, null),
        ArgumentException argument => new Fault(Calls.ExitCode.Usage, "USAGE", argument.Message, null),
        _ => null,
    };

    /// <summary>Tells it on standard error.</summary>
    /// <param name="screen">Where to.</param>
    /// <param name="asJson">True to tell it as an object.</param>
    public void Tell(Screen screen, bool asJson)
    {
        if (asJson)
        {
            screen.Tell(JsonLines.Text(json =>
            {
                json.WriteStartObject("error");
                json.WriteString("code", Code);
                json.WriteString("message", Message);
                if (Advice is not null)
                    json.WriteString("advice", Advice);
                json.WriteNumber("exit_code", ExitCode);
                json.WriteEndObject();
            }));
            return;
        }

        screen.Tell($"orleansstream: {Message}");
        if (Advice is not null)
            screen.Tell(Advice);
    }

    private static int CodeOf(StreamServiceException refused) => refused.Status switch
    {
        HttpStatusCode.NotFound => Calls.ExitCode.NotFound,
        HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => Calls.ExitCode.Denied,
        HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed => Calls.ExitCode.Conflict,
        _ => refused.IsRetriable ? Calls.ExitCode.Unavailable : Calls.ExitCode.Failure,
    };

    private static string? AdviceFor(StreamServiceException refused, bool hasCredentials) => refused.ErrorCode switch
    {
        "UNKNOWN_TOPIC_OR_PARTITION" => "'orleansstream topics list' shows the topics, 'orleansstream topics create NAME' makes one.",
        "GROUP_ID_NOT_FOUND" => "'orleansstream groups list' shows the groups. A group begins with its first member.",
        "TOPIC_ALREADY_EXISTS" => "'orleansstream topics describe NAME' shows it, 'orleansstream topics alter NAME' changes it.",
        "NON_EMPTY_GROUP" => "Stop the group's members first; 'orleansstream groups describe NAME' shows them.",
        _ when refused.Status == HttpStatusCode.Unauthorized => hasCredentials
            ? "The key or the token is not accepted: it may have ended, or be that of another service."
            : "Sign in: set ORLEANSSTREAM_KEY, or name a file with --key-file, or use --azure-cli SCOPE.",
        _ when refused.Status == HttpStatusCode.Forbidden => "An administrator gives rights: 'orleansstream rights give PRINCIPAL …'.",
        _ when refused.IsOutcomeUnknown => "It is not known whether it took effect. Look before you repeat it.",
        _ when refused.IsRetriable => "The same command may succeed later.",
        _ => null,
    };

    private static string CauseOf(Exception exception)
    {
        while (exception.InnerException is { } inner)
            exception = inner;
        return exception.Message;
    }
}
