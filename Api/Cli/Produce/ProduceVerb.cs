using System.CommandLine;
using OrleansStream.Cli.Calls;

namespace OrleansStream.Cli.Produce;

/// <summary>The verb <c>produce</c>: stores what comes on standard input, or is in a file.</summary>
internal static class ProduceVerb
{
    /// <summary>Makes the verb, with its options.</summary>
    /// <param name="verbs">Makes verbs with the options that all of them have.</param>
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
