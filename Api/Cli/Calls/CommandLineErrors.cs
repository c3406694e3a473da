using System.CommandLine.Parsing;
using System.Text.RegularExpressions;

namespace OrleansStream.Cli.Calls;

/// <summary>The parser's errors in words for who types: without names of types, and each with the option that it is about.</summary>
internal static partial class CommandLineErrors
{
    /// <summary>An error in plain words.</summary>
    public static string Plain(ParseError error)
    {
        if (Allowed().Match(error.Message) is { Success: true } allowed)
        {
            var values = Quoted().Matches(allowed.Groups["values"].Value).Select(match => match.Groups["value"].Value);
            return $"{NameOf(error.SymbolResult)} must be one of {string.Join(", ", values)}, and not '{allowed.Groups["given"].Value}'.";
        }

        return TypeName().Replace(error.Message, match => match.Groups["type"].Value switch
        {
            "System.Int32" or "System.Int64" => ": a whole number is expected.",
            "System.Double" => ": a number is expected.",
            "System.Boolean" => ": true or false is expected.",
            _ => ".",
        });
    }

    private static string NameOf(SymbolResult? result) => result switch
    {
        OptionResult option => option.Option.Name,
        ArgumentResult { Parent: OptionResult option } => option.Option.Name,
        ArgumentResult argument => $"The {argument.Argument.Name}",
        _ => "It",
    };

    [GeneratedRegex(@"^Argument '(?<given>[^']*)' not recognized\. Must be one of:(?<values>.*)$", RegexOptions.Singleline)]
    private static partial Regex Allowed();

    [GeneratedRegex("'(?<value>[^']*)'")]
    private static partial Regex Quoted();

    [GeneratedRegex(@" as expected type '(System\.Nullable`1\[)?(?<type>[^'\]]*)\]?'\.( Did you mean.*)?$", RegexOptions.Singleline)]
    private static partial Regex TypeName();
}
