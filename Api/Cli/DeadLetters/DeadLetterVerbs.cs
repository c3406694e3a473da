using System.CommandLine;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Terminal;
using OrleansStream.Cli.Texts;
using OrleansStream.Contracts;

namespace OrleansStream.Cli.DeadLetters;

/// <summary>The verbs of dead letters: records that a group could not work on, however often it tried.</summary>
internal static class DeadLetterVerbs
{
    private const string None = "none", Running = "running";

    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(300);

    /// <summary>Makes the verbs, with their options.</summary>
    /// <param name="verbs">Makes verbs with the options that all of them have.</param>
    public static Command Make(VerbMaker verbs) =>
        VerbMaker.Group("dead-letters", "List the dead letters of a group, and take them back.", ListVerb.Make(verbs), MakeRedrive(verbs));

    private static Command MakeRedrive(VerbMaker verbs)
    {
        var group = new Argument<string>("group") { Description = "The group's name." };
        var topic = new Option<string?>("--topic", "-t") { Description = "Only those that came from this topic.", HelpName = "NAME" };
        var key = new Option<string?>("--key", "-k") { Description = "Only those with this key.", HelpName = "TEXT" };
        var reason = new Option<string?>("--reason") { Description = "Only those whose reason has this text.", HelpName = "TEXT" };
        var detach = new Option<bool>("--detach") { Description = "Begin, and do not wait for the end." };
        var status = new Option<bool>("--status") { Description = "Only show how far the last redrive is." };
        var stop = new Option<bool>("--stop") { Description = "Only stop the one that runs." };
        return verbs.Make("redrive", "Take dead letters back, so that the group's members get them again.", async call =>
        {
            var name = call.Get(group)!;
            var groups = call.Admin.Groups;
            // A group that is not there has no dead letters either, and the name may be wrong.
            await groups.GetAsync(name, call.Stop);
            if (call.Get(stop))
                await groups.StopRedriveAsync(name, call.Stop);
            var filter = new RedriveRequest { Topic = call.Get(topic), Key = call.Get(key), Reason = call.Get(reason) };
            var answer = call.Get(stop) || call.Get(status)
                ? await groups.GetRedriveAsync(name, call.Stop)
                : await groups.RedriveAsync(name, filter, call.Stop);
            if (!call.Get(detach) && !call.Get(status))
            {
                await Drawing.WithProgressAsync(
                    call.Screen, call.Time, answer.Left + answer.Redriven + answer.Kept + answer.Gone,
                    () => (answer.Redriven + answer.Kept + answer.Gone, $"{answer.Redriven:N0} taken back, {answer.Left:N0} left"),
                    async () =>
                    {
                        using var timer = new PeriodicTimer(LookInterval, call.Time);
                        while (answer.State == Running && await timer.WaitForNextTickAsync(call.Stop))
                            answer = await groups.GetRedriveAsync(name, call.Stop);
                    });
            }

            Show(call, name, answer);
            return ExitCode.Success;
        }, group, topic, key, reason, detach, status, stop);
    }

    private static void Show(Call call, string group, RedriveAnswer answer)
    {
        if (call.AsJson)
        {
            JsonLines.Write(call.Screen, answer, ApiJsonContext.Api.RedriveAnswer);
            return;
        }

        if (answer.State == None)
        {
            call.Screen.Tell($"No dead letter of the group {group} was ever taken back.");
            return;
        }

        var rows = new Columns("STATE", "TAKEN BACK", "KEPT", "GONE", "LEFT");
        rows.Add(answer.State, answer.Redriven, answer.Kept, answer.Gone, answer.Left);
        rows.Write(call.Screen);
        call.Screen.Flush();
        foreach (var reason in answer.NotRedriven)
            call.Screen.Tell($"{Sizes.Records(reason.Count)} not taken back: {reason.Reason}{(reason.Detail is { } detail ? $" ({detail})" : "")}");
    }
}
