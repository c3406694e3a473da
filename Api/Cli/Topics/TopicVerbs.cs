using System.CommandLine;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Terminal;
using OrleansStream.Cli.Texts;
using OrleansStream.Contracts;

namespace OrleansStream.Cli.Topics;

/// <summary>The verbs of topics.</summary>
internal static class TopicVerbs
{
    /// <summary>Makes the verbs, with their options.</summary>
    /// <param name="verbs">Makes verbs with the options that all of them have.</param>
    public static Command Make(VerbMaker verbs) => VerbMaker.Group(
        "topics", "List, create, describe, alter and delete topics.", MakeList(verbs), MakeCreate(verbs), MakeDescribe(verbs), MakeAlter(verbs), MakeDelete(verbs));

    /// <summary>The argument that names a topic.</summary>
    public static Argument<string> Topic() => new("topic") { Description = "The topic's name." };

    private static Command MakeList(VerbMaker verbs)
    {
        var prefix = new Option<string?>("--prefix") { Description = "Only topics whose names begin so.", HelpName = "TEXT" };
        return verbs.Make("list", "List the topics' names, one a line.", async call =>
        {
            var count = 0;
            await foreach (var topic in call.Admin.Topics.ListAsync(call.Get(prefix), call.Stop))
            {
                count++;
                if (call.AsJson)
                    JsonLines.Write(call.Screen, topic, ApiJsonContext.Api.TopicListEntry);
                else
                    await call.Screen.Results.WriteLineAsync(topic.Name);
            }

            if (count == 0)
                call.Screen.Tell($"{call.ServerName} has no topic{(call.Has(prefix) ? $" that begins with '{call.Get(prefix)}'" : "")}. 'orleansstream topics create NAME' makes one.");
            return ExitCode.Success;
        }, prefix);
    }

    private static Command MakeCreate(VerbMaker verbs)
    {
        var topic = Topic();
        var partitions = new Option<int>("--partitions", "-p") { Description = "The count of its partitions.", HelpName = "COUNT", DefaultValueFactory = _ => 1 };
        var config = Config("A setting such as retention.ms=3600000; may be repeated.");
        return verbs.Make("create", "Create a topic. One that exists as asked is left as it is.", async call =>
        {
            var settings = Pairs.Split(call.Get(config), "--config").ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.Ordinal);
            var made = await call.Admin.Topics.CreateAsync(call.Get(topic)!, call.Get(partitions), settings, call.Stop);
            Show(call, made, $"The topic {made.Name} has {Sizes.Partitions(made.Partitions)}.");
            return ExitCode.Success;
        }, topic, partitions, config);
    }

    private static Command MakeDescribe(VerbMaker verbs)
    {
        var topic = Topic();
        return verbs.Make("describe", "Show a topic's settings and the state of its partitions.", async call =>
        {
            var described = await call.Admin.Topics.GetAsync(call.Get(topic)!, call.Stop);
            var partitions = await call.Admin.Topics.GetPartitionsAsync(call.Get(topic)!, call.Stop);
            if (call.AsJson)
            {
                TopicText.WriteJson(call.Screen, described, partitions);
                return ExitCode.Success;
            }

            TopicText.Write(call.Screen, described, partitions);
            return ExitCode.Success;
        }, topic);
    }

    private static Command MakeAlter(VerbMaker verbs)
    {
        var topic = Topic();
        var partitions = new Option<int?>("--partitions", "-p")
        {
            Description = "The new count of partitions. It can only grow, and keys move to other partitions then.", HelpName = "COUNT",
        };
        var config = Config("A setting to change, such as retention.ms=3600000; may be repeated.");
        var reset = new Option<string[]?>("--reset") { Description = "A setting to put back to its default; may be repeated.", HelpName = "NAME" };
        return verbs.Make("alter", "Change a topic; what is not named stays.", async call =>
        {
            var changes = Pairs.Split(call.Get(config), "--config").ToDictionary(pair => pair.Name, string? (pair) => pair.Value, StringComparer.Ordinal);
            foreach (var name in call.Get(reset) ?? [])
                changes[name] = null;
            if (changes.Count == 0 && call.Get(partitions) is null)
                throw CallException.Usage("There is nothing to alter: give --partitions, --config or --reset.");
            var altered = await call.Admin.Topics.AlterAsync(call.Get(topic)!, call.Get(partitions), changes, call.Stop);
            Show(call, altered, $"The topic {altered.Name} is altered (version {altered.Version}).");
            return ExitCode.Success;
        }, topic, partitions, config, reset);
    }

    private static Command MakeDelete(VerbMaker verbs)
    {
        var topic = Topic();
        var yes = CommonOptions.Yes();
        return verbs.Make("delete", "Delete a topic and its records. You type its name to confirm.", async call =>
        {
            var name = call.Get(topic)!;
            // Asked first, so that nobody confirms what is not there.
            await call.Admin.Topics.GetAsync(name, call.Stop);
            await call.ConfirmAsync(call.Get(yes), $"deletes the topic {name} with all its records", name);
            await call.Admin.Topics.DeleteAsync(name, call.Stop);
            call.Tell("deleted", name, $"The topic {name} is deleted.");
            return ExitCode.Success;
        }, topic, yes);
    }

    private static void Show(Call call, TopicAnswer topic, string sentence)
    {
        if (call.AsJson)
            JsonLines.Write(call.Screen, topic, ApiJsonContext.Api.TopicAnswer);
        else
            call.Screen.Tell(sentence);
    }

    private static Option<string[]?> Config(string description) => new("--config", "-c") { Description = description, HelpName = "NAME=VALUE" };
}
