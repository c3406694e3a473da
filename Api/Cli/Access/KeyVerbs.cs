using System.CommandLine;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Terminal;
using OrleansStream.Cli.Texts;
using OrleansStream.Contracts;

namespace OrleansStream.Cli.Access;

/// <summary>The verbs of API keys.</summary>
internal static class KeyVerbs
{
    /// <summary>Makes the verbs, with their options.</summary>
    /// <param name="verbs">Makes verbs with the options that all of them have.</param>
    public static Command Make(VerbMaker verbs) =>
        VerbMaker.Group("keys", "Create, list and revoke API keys.", MakeCreate(verbs), MakeList(verbs), MakeRevoke(verbs));

    private static Command MakeCreate(VerbMaker verbs)
    {
        var id = Id();
        var name = new Option<string?>("--name") { Description = "Whose key it is: rights are given to key:NAME. Default the id.", HelpName = "NAME" };
        var role = new Option<string?>("--role") { Description = "What it may do with everything. Without one it may do what rights give to its name.", HelpName = "ROLE" };
        role.AcceptOnlyFromAmong("Data Sender", "Data Receiver", "Data Owner", "Admin");
        var expires = new Option<string?>("--expires") { Description = "When it ends, such as 2027-01-01 or 2027-01-01T00:00:00Z. Default never.", HelpName = "TIME" };
        return verbs.Make("create", "Create a key. It is printed once, and nobody can see it again.", async call =>
        {
            var wanted = new KeyRequest { Name = call.Get(name), Role = call.Get(role), ExpiresAt = EndOf(call, call.Get(expires)) };
            var made = await call.Admin.Access.CreateKeyAsync(call.Get(id)!, wanted, call.Stop);
            if (call.AsJson)
            {
                JsonLines.Write(call.Screen, made, ApiJsonContext.Api.KeyAnswer);
                return ExitCode.Success;
            }

            // The key alone is the result, so that it can go into a file.
            await call.Screen.Results.WriteLineAsync(made.Key);
            call.Screen.Flush();
            call.Screen.Tell($"This is the key {made.Id} of key:{made.Name}{(made.Role is null ? ", which may do what rights give to it" : $", {made.Role}")}. Keep it: it is not shown again.");
            return ExitCode.Success;
        }, id, name, role, expires);
    }

    private static Command MakeList(VerbMaker verbs) => verbs.Make("list", "List the keys, without what is secret of them.", async call =>
    {
        var keys = await call.Admin.Access.ListKeysAsync(call.Stop);
        if (keys.Count == 0)
            call.Screen.Tell($"{call.ServerName} has no keys.");
        var rows = new Columns("ID", "NAME", "ROLE", "CREATED", "ENDS", "LAST USED");
        foreach (var key in keys)
        {
            if (call.AsJson)
                JsonLines.Write(call.Screen, key, ApiJsonContext.Api.KeyAnswer);
            else
                rows.Add(key.Id, key.Name, key.Role, Day(key.CreatedAt), Day(key.ExpiresAt), Day(key.LastUsedAt));
        }

        if (rows.Count > 0)
            rows.Write(call.Screen);
        return ExitCode.Success;
    });

    private static Command MakeRevoke(VerbMaker verbs)
    {
        var id = Id();
        var yes = CommonOptions.Yes();
        return verbs.Make("revoke", "Revoke a key: whoever uses it is refused from now on. You type its id to confirm.", async call =>
        {
            var name = call.Get(id)!;
            await call.ConfirmAsync(call.Get(yes), $"revokes the key {name}, and whoever uses it is refused", name);
            await call.Admin.Access.RevokeKeyAsync(name, call.Stop);
            call.Tell("revoked", name, $"The key {name} is revoked.");
            return ExitCode.Success;
        }, id, yes);
    }

    private static DateTimeOffset? EndOf(Call call, string? text)
    {
        if (text is null)
            return null;
        return Times.TryParse(text, call.Time.GetUtcNow(), out var time)
            ? time
            : throw new ArgumentException($"--expires must be a time such as 2027-01-01 or 2027-01-01T00:00:00Z, and not '{text}'.");
    }

    private static Argument<string> Id() => new("id") { Description = "The key's id, which is also a part of it." };

    private static string? Day(DateTimeOffset? time) => time is { } at ? $"{at:yyyy-MM-dd HH:mm}Z" : null;
}
