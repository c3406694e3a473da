using System.CommandLine;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Terminal;
using OrleansStream.Contracts;

namespace OrleansStream.Cli.Access;

/// <summary>The verbs of rights.</summary>
internal static class RightVerbs
{
    private const string Cluster = "cluster", Prefix = "prefix";

    /// <summary>Makes the verbs, with their options.</summary>
    /// <param name="verbs">Makes verbs with the options that all of them have.</param>
    public static Command Make(VerbMaker verbs) =>
        VerbMaker.Group("rights", "Give, list and take away rights.", MakeGive(verbs), MakeList(verbs), MakeTake(verbs));

    private static Command MakeGive(VerbMaker verbs)
    {
        var resource = new Resource();
        var operations = new Option<string[]?>("--allow")
        {
            Description = "What is allowed: describe, read, write, manage; on the cluster describe, manage, admin. May be repeated, or be a list with commas.", HelpName = "OPERATION",
        };
        var role = new Option<string?>("--role") { Description = "A role in place of operations: Data Sender, Data Receiver or Data Owner.", HelpName = "ROLE" };
        var give = verbs.Make("give", "Give a right, such as: rights give key:crawler topic pages. --prefix --allow read", async call =>
        {
            var allowed = (call.Get(operations) ?? [])
                .SelectMany(text => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)).ToArray();
            if (allowed.Length == 0 == call.Get(role) is null)
                throw CallException.Usage("Say what is allowed, with --allow or with --role.");
            var given = await call.Admin.Access.GiveRightAsync(
                new RightRequest
                {
                    Principal = call.Get(resource.Principal)!, Resource = call.Get(resource.Kind)!,
                    Name = resource.NameOf(call), Pattern = resource.PatternOf(call),
                    Operations = allowed.Length > 0 ? allowed : null, Role = call.Get(role),
                },
                call.Stop);
            if (call.AsJson)
                JsonLines.Write(call.Screen, given, ApiJsonContext.Api.RightEntry);
            else
                call.Screen.Tell($"{given.Principal} may {string.Join(", ", given.Operations)} on {TextOf(given)}.");
            return ExitCode.Success;
        }, [.. resource.Symbols, operations, role]);
        give.Aliases.Add("create");
        return give;
    }

    private static Command MakeList(VerbMaker verbs)
    {
        var principal = new Option<string?>("--principal") { Description = "Only those of this principal.", HelpName = "PRINCIPAL" };
        return verbs.Make("list", "List the rights.", async call =>
        {
            var rights = await call.Admin.Access.ListRightsAsync(call.Get(principal), call.Stop);
            if (rights.Count == 0)
                call.Screen.Tell("Nobody was given a right. Roles of keys, tokens and certificates are not listed here.");
            var rows = new Columns("PRINCIPAL", "RESOURCE", "MAY");
            foreach (var right in rights)
            {
                if (call.AsJson)
                    JsonLines.Write(call.Screen, right, ApiJsonContext.Api.RightEntry);
                else
                    rows.Add(right.Principal, TextOf(right), string.Join(", ", right.Operations));
            }

            if (rows.Count > 0)
                rows.Write(call.Screen);
            return ExitCode.Success;
        }, principal);
    }

    private static Command MakeTake(VerbMaker verbs)
    {
        var resource = new Resource();
        var yes = CommonOptions.Yes();
        var take = verbs.Make("take", "Take a right away. You type the principal to confirm.", async call =>
        {
            var principal = call.Get(resource.Principal)!;
            await call.ConfirmAsync(call.Get(yes), $"takes away what {principal} may do there", principal);
            await call.Admin.Access.TakeRightAsync(principal, call.Get(resource.Kind)!, resource.NameOf(call), resource.PatternOf(call), call.Stop);
            call.Tell("taken", principal, $"{principal} has that right no more.");
            return ExitCode.Success;
        }, [.. resource.Symbols, yes]);
        take.Aliases.Add("revoke");
        return take;
    }

    private static string TextOf(RightEntry right) => right.Resource == Cluster
        ? Cluster
        : $"{right.Resource} {right.Name}{(right.Pattern == Prefix ? "*" : "")}";

    /// <summary>Whose right it is, and on what.</summary>
    private sealed class Resource
    {
        private readonly Argument<string?> _name = new("name") { Description = "The topic's or the group's name. The cluster has none.", Arity = ArgumentArity.ZeroOrOne };
        private readonly Option<bool> _prefix = new("--prefix") { Description = "The right is on all whose names begin so." };

        public Argument<string> Principal { get; } = new("principal") { Description = "Who: key:NAME, user:ID, group:ID, certificate:NAME, or anonymous for everybody." };

        public Argument<string> Kind { get; } = new Argument<string>("resource") { Description = "On what: topic, group or cluster." }.From("topic", "group", Cluster);

        public IEnumerable<Symbol> Symbols => [Principal, Kind, _name, _prefix];

        public string? PatternOf(Call call) => call.Get(_prefix) ? Prefix : null;

        public string? NameOf(Call call)
        {
            var name = call.Get(_name);
            if (call.Get(Kind) == Cluster == name is not null)
                throw CallException.Usage(name is null ? "A name is missing: rights are on a topic or a group by its name." : "The cluster has no name; leave it out.");
            return name;
        }
    }

    private static Argument<string> From(this Argument<string> argument, params string[] values)
    {
        argument.AcceptOnlyFromAmong(values);
        return argument;
    }
}
