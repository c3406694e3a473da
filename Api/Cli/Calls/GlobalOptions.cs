using System.CommandLine;
using OrleansStream.Cli.Profiles;

namespace OrleansStream.Cli.Calls;

/// <summary>The options of every verb.</summary>
internal sealed class GlobalOptions
{
    /// <summary>Which service is called; it goes before profiles and the environment.</summary>
    public Option<string?> Server { get; } = new("--server", "-s")
    {
        Description = $"The service's address (variable ORLEANSSTREAM_SERVER; default {ServiceAccess.DefaultServer}).", HelpName = "URL", Recursive = true,
    };

    /// <summary>The same by the names of Kafka's programs, which help does not repeat.</summary>
    public Option<string?> KafkaServer { get; } = new("--bootstrap-server", "--broker-list", "-b")
    {
        Description = "The same as --server, as Kafka's programs have it.", HelpName = "HOST:PORT", Recursive = true, Hidden = true,
    };

    /// <summary>Which stored profile says what the command line does not.</summary>
    public Option<string?> Profile { get; } = new("--profile")
    {
        Description = "A profile in place of the current one; 'orleansstream profile' manages them.", HelpName = "NAME", Recursive = true,
    };

    /// <summary>A file with an API key.</summary>
    public Option<string?> KeyFile { get; } = new("--key-file")
    {
        Description = "Sign in with the API key in this file. The variables ORLEANSSTREAM_KEY and ORLEANSSTREAM_KEY_FILE do the same.", HelpName = "FILE", Recursive = true,
    };

    /// <summary>What the Azure CLI's token is for.</summary>
    public Option<string?> AzureCli { get; } = new("--azure-cli")
    {
        Description = "Sign in with a token of the Azure CLI for this scope, such as api://orleansstream/.default.", HelpName = "SCOPE", Recursive = true,
    };

    /// <summary>Whether results are JSON.</summary>
    public Option<bool> Json { get; } = new("--json") { Description = "Results as JSON, one object a line; errors and notes, too, on standard error.", Recursive = true };

    /// <summary>All options that every verb takes, in the order of help.</summary>
    public IEnumerable<Option> All => [Server, KafkaServer, Profile, KeyFile, AzureCli, Json];

    /// <summary>What a command line says of the service and of the caller.</summary>
    public AccessChoice ChoiceOf(ParseResult parsed) =>
        new(parsed.GetValue(Server) ?? parsed.GetValue(KafkaServer), parsed.GetValue(Profile), parsed.GetValue(KeyFile), parsed.GetValue(AzureCli));
}
