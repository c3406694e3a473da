using System.Net;
using OrleansStream.Cli.Profiles;
using OrleansStream.Cli.Terminal;
using OrleansStream.Client.Connections;

namespace OrleansStream.Cli.Calls;

/// <summary>What failed, in the words of whoever has to do something about it.</summary>
/// <param name="ExitCode">What the shell is told.</param>
/// <param name="Code">Kafka's name of the error, or this program's.</param>
/// <param name="Message">What is wrong: one sentence, without a key or a token.</param>
/// <param name="Advice">What to do; null when the message says it.</param>
internal sealed record Fault(int ExitCode, string Code, string Message, string? Advice)
{
    private const string Usage = "USAGE";

    /// <summary>What is done of the work, for scripts.</summary>
    public IReadOnlyList<(string Name, long Value)> Facts { get; private init; } = [];

    /// <summary>What an exception means to whoever typed the command.</summary>
    /// <param name="exception">What ended the run.</param>
    /// <param name="server">The service that was called.</param>
    /// <param name="hasCredentials">True when a key or a token was sent.</param>
    /// <returns>Null for one that is a fault of this program.</returns>
    public static Fault? Of(Exception exception, string server, bool hasCredentials) => exception switch
    {
        PartialException partial => Of(partial.InnerException!, server, hasCredentials) is { } cause ? cause.With(partial) : null,
        CallException call => new Fault(call.ExitCode, NameOf(call.ExitCode), call.Message, call.Advice),
        StreamServiceException { Status: null, ErrorCode: "NETWORK_EXCEPTION" } unanswered => new Fault(
            Calls.ExitCode.Unavailable, unanswered.ErrorCode, $"{server} does not answer: {unanswered.GetBaseException().Message}",
            "Start a service with 'orleansstream serve', or name another one: --server URL, --profile NAME, or the variable ORLEANSSTREAM_SERVER."),
        StreamServiceException refused => new Fault(
            CodeOf(refused), refused.ErrorCode, MessageOf(refused), AdviceFor(refused, hasCredentials)),
        FileNotFoundException or DirectoryNotFoundException or NotFoundException => new Fault(Calls.ExitCode.NotFound, "NOT_FOUND", exception.Message, null),
        IOException or UnauthorizedAccessException or InvalidDataException => new Fault(Calls.ExitCode.Failure, "INPUT", exception.Message, null),
        ArgumentException argument => new Fault(Calls.ExitCode.Usage, Usage, argument.Message, null),
        _ => null,
    };

    /// <summary>A command line that the parser refuses.</summary>
    /// <param name="errors">The parser's sentences, in the order of the command line.</param>
    /// <param name="verb">The verb as it is typed.</param>
    public static Fault OfCommandLine(IEnumerable<string> errors, string verb) =>
        new(Calls.ExitCode.Usage, Usage, string.Join(' ', errors.Distinct()), $"'{verb} --help' shows what is allowed.");

    /// <summary>Tells it on standard error, for people or as one JSON object.</summary>
    public void Tell(Screen screen) => screen.TellError(
        json =>
        {
            json.WriteString("code", Code);
            json.WriteString("message", Message);
            if (Advice is not null)
                json.WriteString("advice", Advice);
            json.WriteNumber("exit_code", ExitCode);
            foreach (var (name, value) in Facts)
                json.WriteNumber(name, value);
        },
        Advice is null ? [$"orleansstream: {Message}"] : [$"orleansstream: {Message}", Advice]);

    private Fault With(PartialException partial)
    {
        var advice = string.Join(' ', new[] { partial.Message, Advice }.Where(text => !string.IsNullOrEmpty(text)));
        // What the service refuses is the input, and not the command line.
        var isInput = ExitCode == Calls.ExitCode.Usage && partial.InnerException is StreamServiceException;
        return this with
        {
            ExitCode = partial.IsAnyDone ? Calls.ExitCode.Partial : isInput ? Calls.ExitCode.Failure : ExitCode,
            Advice = advice.Length > 0 ? advice : null,
            Facts = partial.Facts,
        };
    }

    private static string NameOf(int exitCode) => exitCode switch
    {
        Calls.ExitCode.Usage => Usage,
        Calls.ExitCode.NotFound => "NOT_FOUND",
        _ => "FAILED",
    };

    private static int CodeOf(StreamServiceException refused) => refused.Status switch
    {
        HttpStatusCode.NotFound => Calls.ExitCode.NotFound,
        HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => Calls.ExitCode.Denied,
        HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed => Calls.ExitCode.Conflict,
        HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity => Calls.ExitCode.Usage,
        _ => refused.ErrorCode == "SASL_AUTHENTICATION_FAILED" ? Calls.ExitCode.Denied
            : refused.IsRetriable ? Calls.ExitCode.Unavailable : Calls.ExitCode.Failure,
    };

    private static string MessageOf(StreamServiceException refused) => refused switch
    {
        // What follows is for who calls REST.
        { ErrorCode: "GROUP_ID_NOT_FOUND", Problem.Detail: { } detail } => detail.Split(". ")[0].TrimEnd('.') + ".",
        _ => refused.Problem?.Detail ?? refused.Message,
    };

    private static string? AdviceFor(StreamServiceException refused, bool hasCredentials) => refused.ErrorCode switch
    {
        "UNKNOWN_TOPIC_OR_PARTITION" => "'orleansstream topics list' shows the topics, 'orleansstream topics create NAME' makes one.",
        "GROUP_ID_NOT_FOUND" => "'orleansstream groups list' shows the groups. A group begins with its first member, or with 'orleansstream groups alter NAME'.",
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
}
