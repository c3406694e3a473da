using System.CommandLine;
using System.Text.Json;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Profiles;
using OrleansStream.Cli.Terminal;

namespace OrleansStream.Cli.Settings;

/// <summary>The verbs of profiles: services by name, with where the secret is that signs in to each.</summary>
internal static class ProfileVerbs
{
    /// <summary>Makes the verbs, with their options.</summary>
    /// <param name="verbs">Makes verbs with the options that all of them have.</param>
    /// <param name="options">The options of every verb: those that say which service and who calls are what a profile keeps.</param>
    public static Command Make(VerbMaker verbs, GlobalOptions options)
    {
        var group = VerbMaker.Group(
            "profile", "Keep services by name: list, set, use, show and remove profiles.",
            MakeList(verbs), MakeSet(verbs, options), MakeUse(verbs), MakeShow(verbs), MakeRemove(verbs));
        group.Aliases.Add("profiles");
        return group;
    }

    private static ProfileStore Store => new(Environment.GetEnvironmentVariable);

    private static Command MakeList(VerbMaker verbs) => verbs.Make("list", "List the profiles; an asterisk is before the current one.", call =>
    {
        var store = Store;
        var profiles = store.Read().Profiles;
        if (profiles.Count == 0)
            call.Screen.Tell($"There are no profiles in {store.Path}. 'orleansstream profile set NAME --server URL' makes one.");
        var rows = new Columns("", "NAME", "SERVER", "SIGN-IN");
        foreach (var (name, profile) in profiles)
        {
            if (call.AsJson)
                WriteJson(call, name, profile, name == store.Current);
            else
                rows.Add(name == store.Current ? "*" : " ", name, profile.Server, SignInOf(profile));
        }

        if (rows.Count > 0)
            rows.Write(call.Screen);
        return Task.FromResult(ExitCode.Success);
    });

    private static Command MakeSet(VerbMaker verbs, GlobalOptions options)
    {
        var name = Name();
        var variable = new Option<string?>("--key-variable") { Description = "Sign in with the API key in this environment variable.", HelpName = "NAME" };
        return verbs.Make("set", "Make or replace a profile: --server, and --key-file, --key-variable or --azure-cli. The key itself is not kept.", call =>
        {
            if (call.Get(options.Server) is not { } server)
                throw CallException.Usage("A profile needs --server URL.");
            var (file, scope) = (call.Get(options.KeyFile), call.Get(options.AzureCli));
            if (new[] { file, scope, call.Get(variable) }.Count(given => given is not null) > 1)
                throw CallException.Usage("--key-file, --key-variable and --azure-cli are three ways to sign in; give one of them.");
            var store = Store;
            var document = store.Read();
            var address = ServiceAccess.AddressOf(server).AbsoluteUri.TrimEnd('/');
            document.Profiles[call.Get(name)!] = new Profile
            {
                Server = address, KeyFile = file is null ? null : Path.GetFullPath(file),
                KeyVariable = call.Get(variable), AzureCli = scope,
            };
            store.Write(document);
            call.Tell("kept", call.Get(name)!, $"The profile {call.Get(name)}, which calls {address}, is kept in {store.Path}. 'orleansstream profile use {call.Get(name)}' makes it the current one.");
            return Task.FromResult(ExitCode.Success);
        }, name, variable);
    }

    private static Command MakeUse(VerbMaker verbs)
    {
        var name = new Argument<string?>("profile") { Description = "The profile's name; none for none.", Arity = ArgumentArity.ZeroOrOne };
        return verbs.Make("use", "Make a profile the current one of this machine.", call =>
        {
            var chosen = call.Get(name);
            if (chosen is not null)
                Find(Store, chosen);
            Store.Use(chosen);
            call.Tell("current", chosen ?? "", chosen is null ? "There is no current profile any more." : $"The current profile is {chosen}.");
            return Task.FromResult(ExitCode.Success);
        }, name);
    }

    private static Command MakeShow(VerbMaker verbs)
    {
        var name = new Argument<string?>("profile") { Description = "The profile's name. Default the current one.", Arity = ArgumentArity.ZeroOrOne };
        return verbs.Make("show", "Show a profile. No secret is shown.", call =>
        {
            var store = Store;
            var chosen = call.Get(name) ?? store.Current ?? throw new CallException(ExitCode.NotFound, "There is no current profile.", "'orleansstream profile use NAME' makes one the current one.");
            var profile = Find(store, chosen);
            if (call.AsJson)
                WriteJson(call, chosen, profile, chosen == store.Current);
            else
                call.Screen.Results.WriteLine($"{chosen}: {profile.Server}, {SignInOf(profile)}");
            return Task.FromResult(ExitCode.Success);
        }, name);
    }

    private static Command MakeRemove(VerbMaker verbs)
    {
        var name = Name();
        return verbs.Make("remove", "Remove a profile. The service and its keys stay as they are.", call =>
        {
            var store = Store;
            Find(store, call.Get(name)!);
            var document = store.Read();
            document.Profiles.Remove(call.Get(name)!);
            store.Write(document);
            if (store.Current == call.Get(name))
                store.Use(null);
            call.Tell("removed", call.Get(name)!, $"The profile {call.Get(name)} is removed.");
            return Task.FromResult(ExitCode.Success);
        }, name);
    }

    private static Argument<string> Name() => new("profile") { Description = "The profile's name." };

    private static Profile Find(ProfileStore store, string name) => store.Read().Profiles.TryGetValue(name, out var profile)
        ? profile
        : throw new CallException(ExitCode.NotFound, $"There is no profile '{name}' in {store.Path}.", "'orleansstream profile list' shows them.");

    private static void WriteJson(Call call, string name, Profile profile, bool isCurrent) => JsonLines.Write(call.Screen, json =>
    {
        json.WriteString("name", name);
        json.WriteBoolean("current", isCurrent);
        foreach (var field in JsonSerializer.SerializeToElement(profile, ProfileJson.Default.Profile).EnumerateObject())
            field.WriteTo(json);
    });

    private static string SignInOf(Profile profile) => profile switch
    {
        { KeyFile: { } file } => $"key of the file {file}",
        { KeyVariable: { } variable } => $"key of the variable {variable}",
        { AzureCli: { } scope } => $"Azure CLI for {scope}",
        _ => "none",
    };
}
