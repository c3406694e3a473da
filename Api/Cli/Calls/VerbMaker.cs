using System.CommandLine;
using OrleansStream.Cli.Terminal;

namespace OrleansStream.Cli.Calls;

/// <summary>Makes verbs, so that every one ends the same way: its results are sent, and its failures are told once.</summary>
/// <param name="screen">Standard output and error of the process.</param>
/// <param name="options">The options of every verb.</param>
/// <param name="time">The clock of all calls; tests set it.</param>
internal sealed class VerbMaker(Screen screen, GlobalOptions options, TimeProvider time)
{
    private readonly NameSuggestions _names = new(options, time);

    /// <summary>Makes a verb that calls the service.</summary>
    /// <param name="name">The word that is typed.</param>
    /// <param name="description">What it does, for help.</param>
    /// <param name="run">Does its work and returns the exit code; what it throws is told on standard error.</param>
    /// <param name="symbols">Its arguments and options, in the order of help.</param>
    public Command Make(string name, string description, Func<Call, Task<int>> run, params IEnumerable<Symbol> symbols)
    {
        var command = new Command(name, description);
        foreach (var symbol in symbols)
        {
            _names.Attach(symbol);
            if (symbol is Argument argument)
                command.Add(argument);
            else
                command.Add((Option)symbol);
        }

        command.SetAction((parsed, stop) => RunAsync(parsed, run, stop));
        return command;
    }

    /// <summary>Makes a verb that has others below it.</summary>
    /// <param name="name">The word that is typed before theirs.</param>
    /// <param name="description">What they do, for help.</param>
    /// <param name="verbs">The verbs that are typed behind it, in the order of help.</param>
    public static Command Group(string name, string description, params IEnumerable<Command> verbs)
    {
        var command = new Command(name, description);
        foreach (var verb in verbs)
            command.Add(verb);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, Func<Call, Task<int>> run, CancellationToken stop)
    {
        screen.IsJson = parsed.GetValue(options.Json);
        var call = new Call(parsed, options, screen, time, stop);
        try
        {
            int code;
            await using (call)
                code = await run(call);
            screen.Flush();
            return code;
        }
        catch (OutputClosedException)
        {
            return ExitCode.Success;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return Flushed(ExitCode.Interrupted);
        }
        catch (Exception exception) when (Fault.Of(exception, call.ServerName, call.HasCredentials) is { } fault)
        {
            var code = Flushed(fault.ExitCode);
            fault.Tell(screen);
            return code;
        }
        catch (Exception exception)
        {
            // The text holds the stack, which a report of the fault needs.
            new Fault(ExitCode.Failure, "DEFECT", $"This is a fault of the program itself; please report it. {exception}", null).Tell(screen);
            return Flushed(ExitCode.Failure);
        }
    }

    // What was read before the end is a result, too.
    private int Flushed(int code)
    {
        try
        {
            screen.Flush();
        }
        catch (OutputClosedException)
        {
            // Nobody reads it.
        }

        return code;
    }
}
