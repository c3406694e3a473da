using System.CommandLine;

namespace OrleansStream.Cli.Calls;

/// <summary>Options that several verbs have.</summary>
internal static class CommonOptions
{
    /// <summary>The answer to the question before something is gone for good.</summary>
    public static Option<bool> Yes() => new("--yes", "-y") { Description = "Do it without a question." };
}
