using System.CommandLine;
using System.Globalization;
using System.Net;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Terminal;
using OrleansStream.Cli.Texts;
using OrleansStream.Client.Connections;
using OrleansStream.Contracts;

namespace OrleansStream.Cli.Groups;

/// <summary>The verb <c>groups alter</c>: says what becomes of records that a group's members cannot work on.</summary>
internal static class AlterVerb
{
    private static readonly TimeSpan BackoffMax = TimeSpan.FromHours(24);

    /// <summary>Makes it.</summary>
    /// <param name="verbs">Makes verbs with the options that all of them have.</param>
    public static Command Make(VerbMaker verbs)
    {
        var group = new Argument<string>("group") { Description = "The group's name, without a dot. One that is not there is made." };
        var retry = new Option<string?>("--retry")
        {
            Description = "topic: others overtake a record that waits to be tried again. in_place: the later records of its key wait with it.", HelpName = "topic|in_place",
        };
        retry.AcceptOnlyFromAmong("topic", "in_place");
        var attempts = new Option<int?>("--max-attempts") { Description = "How often a record is delivered before it is a dead letter.", HelpName = "COUNT" };
        var backoff = new Option<string?>("--backoff") { Description = $"The wait before each further attempt, such as 1s,10s,1m; the last goes for all that follow. Each is {Durations.Allowed}.", HelpName = "TIMES" };
        var jitter = new Option<double?>("--jitter") { Description = "The part of each wait, 0 to 1, by which it may be longer at random.", HelpName = "PART" };
        var deadLetters = new Option<string?>("--dead-letter-topic") { Description = "Where dead letters go. An empty name puts it back to TOPIC.GROUP.dlq.", HelpName = "NAME" };
        return verbs.Make("alter", "Say how often and when a group tries records that failed, and where dead letters go; what is not named stays.", async call =>
        {
            Option[] all = [retry, attempts, backoff, jitter, deadLetters];
            if (!all.Any(call.Has))
                throw CallException.Usage("There is nothing to alter: give --retry, --max-attempts, --backoff, --jitter or --dead-letter-topic.");
            var waits = call.Get(backoff) is { } text ? text.Split(',').Select(one => (int)Durations.Parse(one.Trim(), "--backoff", BackoffMax).TotalMilliseconds).ToArray() : null;
            var name = call.Get(group)!;
            var known = await KnownAsync(call, name);
            var policy = await call.Admin.Groups.SetRetryPolicyAsync(
                name,
                new RetryPolicyRequest
                {
                    Retry = call.Get(retry) ?? known?.Retry,
                    MaxAttempts = call.Get(attempts) ?? known?.MaxAttempts,
                    BackoffMs = waits ?? known?.BackoffMs,
                    Jitter = call.Get(jitter) ?? known?.Jitter,
                    DeadLetterTopic = call.Has(deadLetters) ? call.Get(deadLetters) is { Length: > 0 } topic ? topic : null : known?.DeadLetterTopic,
                },
                call.Stop);
            if (call.AsJson)
                JsonLines.Write(call.Screen, policy, ApiJsonContext.Api.RetryPolicyAnswer);
            else
                call.Screen.Tell($"The group {name} is altered. {TextOf(policy)}");
            return ExitCode.Success;
        }, group, retry, attempts, backoff, jitter, deadLetters);
    }

    /// <summary>A retry policy in a sentence for people.</summary>
    public static string TextOf(RetryPolicyAnswer policy)
    {
        var waits = string.Join(", ", policy.BackoffMs.Select(wait => Durations.TextOf(TimeSpan.FromMilliseconds(wait))));
        var jitter = policy.Jitter > 0 ? string.Create(CultureInfo.InvariantCulture, $", longer by up to {policy.Jitter:P0}") : "";
        return $"retries: {policy.Retry}, {policy.MaxAttempts} attempts, waits of {waits}{jitter}; dead letters: {policy.DeadLetterTopic ?? "TOPIC.GROUP.dlq"}";
    }

    private static async Task<RetryPolicyAnswer?> KnownAsync(Call call, string group)
    {
        try
        {
            return (await call.Admin.Groups.GetAsync(group, call.Stop)).RetryPolicy;
        }
        catch (StreamServiceException exception) when (exception.Status == HttpStatusCode.NotFound)
        {
            return null;
        }
    }
}
