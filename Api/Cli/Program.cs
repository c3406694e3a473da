using System.CommandLine;
using System.CommandLine.Invocation;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Terminal;

namespace OrleansStream.Cli;

/// <summary>The command line <c>orleansstream</c>.</summary>
internal static class Program
{
    /// <summary>Runs the verb that a command line names.</summary>
    /// <param name="args">The words behind the program's name.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> Main(string[] args)
    {
        var screen = Screen.Open();
        using var signals = new StopSignals();
        // A time may begin with @, which would name a response file.
        var parsed = Verbs.Make(screen, TimeProvider.System).Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Action is ParseErrorAction)
        {
            screen.IsJson = Verbs.IsJson(parsed);
            Fault.OfCommandLine(parsed.Errors.Select(CommandLineErrors.Plain), Verbs.PathOf(parsed.CommandResult.Command)).Tell(screen);
            return ExitCode.Usage;
        }

        var code = await parsed.InvokeAsync(
            new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, signals.Token);
        return code == ExitCode.Interrupted ? signals.Code ?? code : code;
    }
}
