using System.CommandLine;

namespace OrleansStream.Cli.Calls;

/// <summary>A topic, which may be given by itself or with <c>--topic</c>, as people's hands know it.</summary>
/// <param name="description">What it is for.</param>
internal sealed class TopicChoice(string description)
{
    private readonly Argument<string?> _argument = new("topic") { Description = description, Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _option = new("--topic", "-t") { Description = "The topic, in place of the argument.", HelpName = "NAME" };

    /// <summary>The argument and the option.</summary>
    public IEnumerable<Symbol> Symbols => [_argument, _option];

    /// <summary>The topic's name.</summary>
    /// <exception cref="ArgumentException">None is given, or two are.</exception>
    public string Read(Call call)
    {
        var (one, other) = (call.Get(_argument), call.Get(_option));
        if (one is not null && other is not null && one != other)
            throw new ArgumentException("Two topics are given; give one.");
        return (one ?? other) is { Length: > 0 } name
            ? name
            : throw new ArgumentException("A topic is missing: give its name after the verb, or with --topic.");
    }
}
