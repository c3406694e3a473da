using System.CommandLine;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Consume;
using OrleansStream.Cli.Terminal;
using OrleansStream.Client.Consuming;
using OrleansStream.Contracts;

namespace OrleansStream.Cli.DeadLetters;

/// <summary>The verb <c>dead-letters list</c>: what failed, where it came from, how often it was tried and why it failed.</summary>
internal static class ListVerb
{
    private const int CountDefault = 100;

    /// <summary>Makes the verb, with its options.</summary>
    /// <param name="verbs">Makes verbs with the options that all of them have.</param>
    public static Command Make(VerbMaker verbs)
    {
        var group = new Argument<string>("group") { Description = "The group's name." };
        var count = new Option<int>("--count", "-c", "-n")
        {
            Description = $"The most that are listed of each partition, the newest (default {CountDefault}).", HelpName = "COUNT", DefaultValueFactory = _ => CountDefault,
        };
        return verbs.Make("list", "List a group's dead letters: where each came from, how often it was tried, and why it failed.", async call =>
        {
            if (call.Get(count) < 1)
                throw CallException.Usage("--count must be at least 1.");
            var rows = new Columns("TOPIC", "PARTITION", "OFFSET", "CAME FROM", "KEY", "ATTEMPTS", "FIRST FAILED", "REASON");
            using var writer = new RecordWriter(call.Screen.Output, format: null);
            var listed = 0;
            var topics = await TopicsAsync(call, call.Get(group)!);
            foreach (var topic in topics)
            {
                var scan = new TopicScan(call, new ConsumeRequest(topic, new Position(PositionKind.BeforeEnd, call.Get(count)))
                {
                    Filters = RecordFilters.Parse(null, null, null), Format = null,
                });
                await scan.PlanAsync();
                await scan.RunAsync(
                    record =>
                    {
                        listed++;
                        if (call.AsJson)
                            writer.Write(record);
                        else
                            Add(rows, record);
                        return true;
                    },
                    call.Screen.Flush);
            }

            if (rows.Count > 0)
                rows.Write(call.Screen);
            if (listed == 0)
                call.Screen.Tell($"The group {call.Get(group)} has no dead letters.");
            return ExitCode.Success;
        }, group, count);
    }

    private static void Add(Columns rows, ConsumedRecord<byte[]> record) => rows.Add(
        record.Topic, record.Partition, record.Offset,
        $"{Header(record, RetryHeaders.Topic)}/{Header(record, RetryHeaders.Partition)}/{Header(record, RetryHeaders.Offset)}",
        record.Key, Header(record, RetryHeaders.Attempt), Header(record, RetryHeaders.FirstFailure), Header(record, RetryHeaders.Reason));

    // The names that the service gives them, and the one that the group's policy says.
    private static async Task<IReadOnlyCollection<string>> TopicsAsync(Call call, string group)
    {
        var policy = (await call.Admin.Groups.GetAsync(group, call.Stop)).RetryPolicy;
        var topics = new SortedSet<string>(StringComparer.Ordinal);
        await foreach (var topic in call.Admin.Topics.ListAsync(cancellationToken: call.Stop))
        {
            if (topic.Name == policy?.DeadLetterTopic || topic.Name.EndsWith($".{group}.dlq", StringComparison.Ordinal))
                topics.Add(topic.Name);
        }

        return topics;
    }

    private static string? Header(ConsumedRecord<byte[]> record, string name) => record.Headers.LastOrDefault(header => header.Key == name).Text;
}
