using System.CommandLine;
using OrleansStream.Cli.Calls;

namespace OrleansStream.Cli.Produce;

/// <summary>The verb <c>produce</c>: stores what comes on standard input, or is in a file.</summary>
internal static class ProduceVerb
{
    /// <summary>Makes it.</summary>
    /// <param name="verbs">Makes a verb.</param>
    public static Command Make(VerbMaker verbs)
    {
        var options = new ProduceOptions();
        return verbs.Make("produce", "Store records: each line of standard input, or of a file, is one.", async call =>
        {
            var run = new ProduceRun(call, options.Read(call));
            await run.RunAsync();
            return ExitCode.Success;
        }, options.All);
    }
}
