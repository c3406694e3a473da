using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using OrleansStream.Cli.Access;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Completion;
using OrleansStream.Cli.Consume;
using OrleansStream.Cli.DeadLetters;
using OrleansStream.Cli.Groups;
using OrleansStream.Cli.Performance;
using OrleansStream.Cli.Produce;
using OrleansStream.Cli.Samples;
using OrleansStream.Cli.Service;
using OrleansStream.Cli.Settings;
using OrleansStream.Cli.Tail;
using OrleansStream.Cli.Terminal;
using OrleansStream.Cli.Topics;

namespace OrleansStream.Cli;

/// <summary>All that the program can do.</summary>
internal static class Verbs
{
    /// <summary>What is typed to run the program.</summary>
    public const string Name = "orleansstream";

    /// <summary>Makes the tree of all verbs.</summary>
    /// <param name="screen">Standard output and error of the process.</param>
    /// <param name="time">The clock of all calls; tests set it.</param>
    public static RootCommand Make(Screen screen, TimeProvider time)
    {
        var options = new GlobalOptions();
        var verbs = new VerbMaker(screen, options, time);
        var root = new RootCommand("Event streaming as a service: topics, records, consumer groups, and the service itself.") { HelpName = Name };
        var names = new NameSuggestions(options, time);
        foreach (var option in options.All)
        {
            names.Attach(option);
            root.Add(option);
        }

        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithCodes((SynchronousCommandLineAction)help.Action!);
        Command[] all =
        [
            TopicVerbs.Make(verbs), ProduceVerb.Make(verbs), ConsumeVerb.Make(verbs), TailVerb.Make(verbs), GroupVerbs.Make(verbs),
            DeadLetterVerbs.Make(verbs), KeyVerbs.Make(verbs), RightVerbs.Make(verbs), PerformanceVerbs.Make(verbs), SampleVerbs.Make(verbs),
            ServiceVerbs.MakeServe(verbs), ServiceVerbs.MakeVerify(verbs), ProfileVerbs.Make(verbs, options), CompletionVerb.Make(verbs),
        ];
        foreach (var verb in all)
            root.Add(verb);
        return root;
    }

    /// <summary>Whether a command line wants JSON, also where something else of it is wrong.</summary>
    public static bool IsJson(ParseResult parsed) =>
        parsed.RootCommandResult.Command.Options.OfType<Option<bool>>().Any(option => option.Name == "--json" && parsed.GetResult(option) is { Implicit: false });

    /// <summary>A verb as it is typed, with those above it.</summary>
    public static string PathOf(Command command) => command is RootCommand
        ? Name
        : $"{PathOf(command.Parents.OfType<Command>().First())} {command.Name}";
}
