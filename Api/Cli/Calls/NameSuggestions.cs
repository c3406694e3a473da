using System.CommandLine;
using System.CommandLine.Completions;
using OrleansStream.Cli.Connections;
using OrleansStream.Cli.Profiles;
using OrleansStream.Client.Administration;

namespace OrleansStream.Cli.Calls;

/// <summary>
/// Suggests names to a shell that completes a command line: topics, groups and keys of the service that the line names, and profiles. Whoever types
/// waits for it, so it ends soon and tells no failure.
/// </summary>
/// <param name="options">The options of every verb.</param>
/// <param name="time">Ends a call that takes too long.</param>
internal sealed class NameSuggestions(GlobalOptions options, TimeProvider time)
{
    private const int NamesMax = 200;

    private static readonly TimeSpan TimeMax = TimeSpan.FromMilliseconds(700);

    /// <summary>Has an argument or an option suggest names, if it is one for names.</summary>
    /// <param name="symbol">The argument or the option.</param>
    public void Attach(Symbol symbol)
    {
        switch (symbol)
        {
            case Argument argument when SourceOf(argument.Name) is { } source:
                argument.CompletionSources.Add(source);
                break;
            case Option option when SourceOf(option.Name.TrimStart('-')) is { } source:
                option.CompletionSources.Add(source);
                break;
        }
    }

    private Func<CompletionContext, IEnumerable<CompletionItem>>? SourceOf(string name) => name switch
    {
        "topic" => context => Ask(context, (admin, prefix, stop) => admin.Topics.ListAsync(prefix, stop).Select(topic => topic.Name)),
        "group" => context => Ask(context, (admin, prefix, stop) => admin.Groups.ListAsync(prefix, stop).Select(group => group.Group)),
        "profile" => _ => Profiles(),
        _ => null,
    };

    private List<CompletionItem> Ask(
        CompletionContext context, Func<StreamAdmin, string?, CancellationToken, IAsyncEnumerable<string>> ask)
    {
        try
        {
            using var ended = new CancellationTokenSource(TimeMax, time);
            return Task.Run(() => AskAsync(context, ask, ended.Token)).WaitAsync(TimeMax, time).GetAwaiter().GetResult();
        }
        catch (Exception)
        {
            // Who types sees that nothing is suggested; the verb itself tells why.
            return [];
        }
    }

    private async Task<List<CompletionItem>> AskAsync(
        CompletionContext context, Func<StreamAdmin, string?, CancellationToken, IAsyncEnumerable<string>> ask, CancellationToken stop)
    {
        var access = ServiceAccess.Find(options.ChoiceOf(context.ParseResult), Environment.GetEnvironmentVariable);
        using var watch = new ServiceWatch(time, stop);
        await using var client = access.Connect(watch);
        var found = new List<CompletionItem>();
        await foreach (var name in ask(client.Admin, context.WordToComplete is { Length: > 0 } word ? word : null, stop).WithCancellation(stop))
        {
            found.Add(new CompletionItem(name));
            if (found.Count == NamesMax)
                break;
        }

        return found;
    }

    private static IEnumerable<CompletionItem> Profiles()
    {
        try
        {
            return [.. new ProfileStore(Environment.GetEnvironmentVariable).Read().Profiles.Keys.Select(name => new CompletionItem(name))];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return [];
        }
    }
}
