using System.CommandLine;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Terminal;
using OrleansStream.Contracts;

namespace OrleansStream.Cli.Groups;

/// <summary>The verbs of consumer groups.</summary>
internal static class GroupVerbs
{
    /// <summary>Makes the verbs, with their options.</summary>
    /// <param name="verbs">Makes verbs with the options that all of them have.</param>
    public static Command Make(VerbMaker verbs) => VerbMaker.Group(
        "groups", "List, describe, alter, reset and delete consumer groups, and show their lag.",
        MakeList(verbs), MakeDescribe(verbs), MakeLag(verbs), AlterVerb.Make(verbs), ResetVerb.Make(verbs), MakeRemoveMember(verbs),
        MakeDelete(verbs));

    /// <summary>The argument that names a group.</summary>
    public static Argument<string> Group() => new("group") { Description = "The group's name." };

    private static Command MakeList(VerbMaker verbs)
    {
        var prefix = new Option<string?>("--prefix") { Description = "Only groups whose names begin so.", HelpName = "TEXT" };
        return verbs.Make("list", "List the groups' names, one a line.", async call =>
        {
            var count = 0;
            await foreach (var group in call.Admin.Groups.ListAsync(call.Get(prefix), call.Stop))
            {
                count++;
                if (call.AsJson)
                    JsonLines.Write(call.Screen, group, ApiJsonContext.Api.GroupListEntry);
                else
                    await call.Screen.Results.WriteLineAsync(group.Group);
            }

            if (count == 0)
                call.Screen.Tell($"{call.ServerName} has no group{(call.Has(prefix) ? $" that begins with '{call.Get(prefix)}'" : "")}. 'orleansstream consume TOPIC --group NAME' makes one.");
            return ExitCode.Success;
        }, prefix);
    }

    private static Command MakeDescribe(VerbMaker verbs)
    {
        var group = Group();
        return verbs.Make("describe", "Show a group: its state, its members and their partitions.", async call =>
        {
            var described = await call.Admin.Groups.GetAsync(call.Get(group)!, call.Stop);
            if (call.AsJson)
            {
                JsonLines.Write(call.Screen, described, ApiJsonContext.Api.GroupAnswer);
                return ExitCode.Success;
            }

            await call.Screen.Results.WriteLineAsync($"{call.Screen.Styled(described.Group, "1")}  {described.State}, epoch {described.GroupEpoch}, assignor {described.Assignor}");
            if (described.RetryPolicy is { } policy)
                await call.Screen.Results.WriteLineAsync(AlterVerb.TextOf(policy));
            if (described.UnknownTopics is { Count: > 0 } unknown)
                await call.Screen.Results.WriteLineAsync($"topics that do not exist: {string.Join(", ", unknown)}");
            if (described.Members.Count == 0)
            {
                call.Screen.Tell($"The group {described.Group} has no members.");
                return ExitCode.Success;
            }

            await call.Screen.Results.WriteLineAsync();
            var rows = new Columns("MEMBER", "TOPICS", "PARTITIONS", "LEASE ENDS");
            foreach (var member in described.Members)
                rows.Add(member.Member, string.Join(',', member.Topics), TextOf(member.Assignment), $"{member.LeaseExpiresAt:HH:mm:ss}Z");
            rows.Write(call.Screen);
            return ExitCode.Success;
        }, group);
    }

    private static Command MakeLag(VerbMaker verbs)
    {
        var group = Group();
        return verbs.Make("lag", "Show how far a group is behind, in records and seconds.", async call =>
        {
            var lag = await call.Admin.Groups.GetLagAsync(call.Get(group)!, call.Stop);
            if (call.AsJson)
            {
                JsonLines.Write(call.Screen, lag, ApiJsonContext.Api.LagAnswer);
                return ExitCode.Success;
            }

            if (lag.Partitions.Count == 0)
            {
                call.Screen.Tell($"The group {call.Get(group)} has neither members nor offsets.");
                return ExitCode.Success;
            }

            var rows = new Columns("TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "SECONDS", "MEMBER");
            foreach (var partition in lag.Partitions)
            {
                rows.Add(
                    partition.Topic, partition.Partition, partition.CommittedOffset, partition.HighWatermark, partition.Lag,
                    Seconds(partition.LagSeconds), partition.Member);
            }

            // A group that reads several topics has a line for each.
            var topics = lag.Partitions.GroupBy(partition => partition.Topic).ToList();
            if (topics.Count > 1)
            {
                foreach (var topic in topics)
                    rows.Add(topic.Key, "all", null, null, topic.Sum(partition => partition.Lag), Seconds(topic.Max(partition => partition.LagSeconds)), null);
            }

            rows.Add("total", "", null, null, lag.Lag, Seconds(lag.LagSeconds), null);
            rows.Write(call.Screen);
            return ExitCode.Success;
        }, group);
    }

    private static Command MakeRemoveMember(VerbMaker verbs)
    {
        var group = Group();
        var member = new Argument<string>("member") { Description = "The member's id; 'groups describe' shows it." };
        return verbs.Make("remove-member", "Take a member out of its group: its partitions go to others at once. If it still runs, it joins again.", async call =>
        {
            var (name, id) = (call.Get(group)!, call.Get(member)!);
            var described = await call.Admin.Groups.GetAsync(name, call.Stop);
            if (described.Members.All(known => known.Member != id))
                throw new CallException(ExitCode.NotFound, $"The group {name} has no member '{id}'.", $"'orleansstream groups describe {name}' shows its members.");
            await call.Admin.Groups.RemoveMemberAsync(name, id, call.Stop);
            call.Tell("removed", id, $"The member {id} is not in the group {name} any more.");
            return ExitCode.Success;
        }, group, member);
    }

    private static Command MakeDelete(VerbMaker verbs)
    {
        var group = Group();
        var yes = CommonOptions.Yes();
        return verbs.Make("delete", "Delete a group without members, with its offsets. You type its name to confirm.", async call =>
        {
            var name = call.Get(group)!;
            await call.Admin.Groups.GetAsync(name, call.Stop);
            await call.ConfirmAsync(call.Get(yes), $"deletes the group {name} with its offsets and the records that wait to be tried again", name);
            await call.Admin.Groups.DeleteAsync(name, call.Stop);
            call.Tell("deleted", name, $"The group {name} is deleted.");
            return ExitCode.Success;
        }, group, yes);
    }

    private static string TextOf(IReadOnlyList<TopicAssignment> assignment) =>
        string.Join(' ', assignment.Select(topic => $"{topic.Topic}/{string.Join(',', topic.Partitions)}"));

    private static string? Seconds(double? seconds) => seconds is { } value ? $"{value:F1}" : null;
}
