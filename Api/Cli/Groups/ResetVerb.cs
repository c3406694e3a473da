using System.CommandLine;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Terminal;
using OrleansStream.Cli.Texts;
using OrleansStream.Client.Administration;
using OrleansStream.Contracts;

namespace OrleansStream.Cli.Groups;

/// <summary>The verb <c>groups reset</c>: shows where a group's offsets would go, and moves them when it is told to.</summary>
internal static class ResetVerb
{
    /// <summary>Makes the verb, with its options.</summary>
    /// <param name="verbs">Makes verbs with the options that all of them have.</param>
    public static Command Make(VerbMaker verbs)
    {
        var group = GroupVerbs.Group();
        var earliest = new Option<bool>("--to-earliest") { Description = "To each partition's first record." };
        var latest = new Option<bool>("--to-latest") { Description = "Behind each partition's last record." };
        var offset = new Option<long?>("--to-offset") { Description = "To this offset, or the end of the log that is nearest.", HelpName = "OFFSET" };
        var time = new Option<string?>("--to-time", "--to-datetime") { Description = $"To the first record that is dated at or after this: {Times.Allowed}.", HelpName = "TIME" };
        var shift = new Option<long?>("--shift", "--shift-by") { Description = "So many records forward, or back when it is below 0.", HelpName = "COUNT" };
        var topics = new Option<string[]?>("--topic", "-t") { Description = "Only this topic; may be repeated. Default all that the group has offsets for.", HelpName = "NAME" };
        var partitions = new Option<int[]?>("--partition", "-p") { Description = "Only this partition; may be repeated.", HelpName = "NUMBER" };
        var execute = new Option<bool>("--execute") { Description = "Do it. Without this, it only shows what would be done." };
        return verbs.Make("reset", "Move a group's offsets. Shows what would move; --execute does it.", async call =>
        {
            GroupPosition?[] wanted =
            [
                call.Get(earliest) ? GroupPosition.Earliest : null,
                call.Get(latest) ? GroupPosition.Latest : null,
                call.Get(offset) is { } at ? GroupPosition.Offset(at) : null,
                call.Get(time) is { } text ? GroupPosition.At(TimeOf(text, call.Time.GetUtcNow())) : null,
                call.Get(shift) is { } by ? GroupPosition.Shift(by) : null,
            ];
            if (wanted.OfType<GroupPosition>().ToArray() is not [var position])
                throw CallException.Usage("Say where to, once: --to-earliest, --to-latest, --to-offset, --to-time or --shift.");
            var answer = await call.Admin.Groups.ResetOffsetsAsync(
                call.Get(group)!, position, NoneIsNull(call.Get(topics)), NoneIsNull(call.Get(partitions)), !call.Get(execute), call.Stop);
            Show(call, call.Get(group)!, answer);
            return ExitCode.Success;
        }, group, earliest, latest, offset, time, shift, topics, partitions, execute);
    }

    private static void Show(Call call, string group, OffsetsResetAnswer answer)
    {
        if (call.AsJson)
        {
            JsonLines.Write(call.Screen, answer, ApiJsonContext.Api.OffsetsResetAnswer);
            return;
        }

        if (answer.Offsets.Count == 0)
        {
            call.Screen.Tell($"The group {group} has no offsets there; --topic names a topic that it has none for.");
            return;
        }

        var rows = new Columns("TOPIC", "PARTITION", "FROM", "TO", "MOVES BY");
        foreach (var move in answer.Offsets)
            rows.Add(move.Topic, move.Partition, move.From, move.To, move.From is { } from ? $"{move.To - from:+#;-#;0}" : null);
        rows.Write(call.Screen);
        call.Screen.Flush();
        call.Screen.Tell(answer.DryRun ? "Nothing was moved. Add --execute to do it." : $"The group {group} goes on from there.");
    }

    private static DateTimeOffset TimeOf(string text, DateTimeOffset now) => Times.TryParse(text, now, out var time)
        ? time
        : throw new ArgumentException($"--to-time must be {Times.Allowed}; and not '{text}'.");

    private static T[]? NoneIsNull<T>(T[]? values) => values is { Length: > 0 } ? values : null;
}
