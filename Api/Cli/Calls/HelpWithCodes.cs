using System.CommandLine;
using System.CommandLine.Invocation;

namespace OrleansStream.Cli.Calls;

/// <summary>Help that ends with what the exit codes mean.</summary>
/// <param name="help">Shows everything else.</param>
internal sealed class HelpWithCodes(SynchronousCommandLineAction help) : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        var code = help.Invoke(parseResult);
        parseResult.InvocationConfiguration.Output.WriteLine(
            parseResult.CommandResult.Command is RootCommand ? ExitCode.Table : "'orleansstream --help' has the exit codes.");
        return code;
    }
}
