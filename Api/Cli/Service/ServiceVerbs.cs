using System.CommandLine;
using OrleansStream.Cli.Calls;

namespace OrleansStream.Cli.Service;

/// <summary>The verbs that run the service's own program.</summary>
internal static class ServiceVerbs
{
    /// <summary>Makes <c>serve</c>.</summary>
    /// <param name="verbs">Makes verbs with the options that all of them have.</param>
    public static Command MakeServe(VerbMaker verbs)
    {
        var urls = new Option<string?>("--urls") { Description = "Where it listens (default http://localhost:8080).", HelpName = "URL" };
        var data = new Option<string?>("--data") { Description = "The data folder (default 'data', here).", HelpName = "FOLDER" };
        var kafka = new Option<string?>("--kafka") { Description = "Where Kafka clients are served (default localhost:9092); off: nowhere.", HelpName = "HOST:PORT|off" };
        var settings = Settings();
        return verbs.Make("serve", "Run the service itself, until Ctrl-C. Its exit code is this one's.", call =>
        {
            string?[] own =
            [
                call.Get(urls) is { } listened ? $"--urls={listened}" : null,
                call.Get(data) is { } folder ? $"--OrleansStream:Storage:Files:Directory={folder}" : null,
                call.Get(kafka) switch
                {
                    null => null,
                    "off" => "--OrleansStream:Kafka:Enabled=false",
                    var address => $"--OrleansStream:Kafka:Listen={address}",
                },
            ];
            return ServiceProgram.RunAsync([.. own.OfType<string>(), .. call.Get(settings) ?? []], call.Stop);
        }, urls, data, kafka, settings);
    }

    /// <summary>Makes <c>verify</c>.</summary>
    /// <param name="verbs">Makes verbs with the options that all of them have.</param>
    public static Command MakeVerify(VerbMaker verbs)
    {
        var data = new Option<string?>("--data") { Description = "The data folder (default 'data', here). No process may own it meanwhile.", HelpName = "FOLDER" };
        var settings = Settings();
        return verbs.Make(
            "verify", "Read all that is stored, change nothing, and print what is damaged. Ends with 0 when all is right, 2 when something is damaged, 1 when it could not look.",
            call => ServiceProgram.RunAsync(
                ["verify", .. call.Get(data) is { } folder ? [$"--OrleansStream:Storage:Files:Directory={folder}"] : Array.Empty<string>(), .. call.Get(settings) ?? []], call.Stop),
            data, settings);
    }

    private static Argument<string[]> Settings() => new("settings")
    {
        Description = "Any setting of the service, behind --, such as -- --OrleansStream:Security:ApiKeys=true.", Arity = ArgumentArity.ZeroOrMore,
    };
}
