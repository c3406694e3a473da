using System.Collections.Immutable;
using System.Text.Json;
using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Json;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Groups;

/// <summary>Parses the parts of requests about failed records: those of a poll, the policy of a group, a redrive.</summary>
internal static class RetryJson
{
    /// <summary>Parses the <c>failed</c> of a poll.</summary>
    /// <param name="poll">The poll.</param>
    /// <param name="canCommit">True when the poll has a cursor and commits it.</param>
    /// <exception cref="RequestException">It is malformed.</exception>
    public static IReadOnlyList<FailedEntry> ParseFailed(JsonElement poll, bool canCommit)
    {
        if (JsonBody.List(poll, "failed", GroupLimits.FailedPerPollMax) is not { } list)
            return [];
        if (!canCommit)
            throw RequestException.Malformed("failed", "'failed' needs the cursor of the answer with the records, and a commit, which says that the other records of the answer are processed.");
        var failed = new List<FailedEntry>(list.Length);
        var seen = new HashSet<(string, int, long)>();
        for (var i = 0; i < list.Length; i++)
        {
            var prefix = $"failed[{i}].";
            JsonBody.CheckObject(list[i], $"failed[{i}]", prefix, "topic", "partition", "offset", "reason");
            var entry = new FailedEntry(
                JsonBody.Text(list[i], "topic", prefix) ?? throw JsonBody.Missing(prefix + "topic", "the record's topic"),
                (int)(JsonBody.Integer(list[i], "partition", 0, int.MaxValue, prefix)
                    ?? throw JsonBody.Missing(prefix + "partition", "the record's partition")),
                JsonBody.Integer(list[i], "offset", 0, long.MaxValue, prefix) ?? throw JsonBody.Missing(prefix + "offset", "the record's offset"),
                JsonBody.Text(list[i], "reason", prefix) ?? "");
            if (entry.Reason.Length > GroupLimits.ReasonLengthMax)
            {
                throw RequestException.Malformed(prefix + "reason",
                    $"'{prefix}reason' has {entry.Reason.Length} characters; at most {GroupLimits.ReasonLengthMax} are kept.");
            }

            if (!seen.Add((entry.Topic, entry.Partition, entry.Offset)))
                throw JsonFields.Twice($"failed[{i}]");
            failed.Add(entry);
        }

        return failed;
    }

    /// <summary>Parses a group's policy.</summary>
    /// <exception cref="RequestException">It is malformed.</exception>
    public static GroupRetryPolicy ParsePolicy(ReadOnlyMemory<byte> body)
    {
        using var document = JsonBody.Parse(body, "retry", "max_attempts", "backoff_ms", "backoff", "jitter", "dead_letter_topic");
        var root = document.RootElement;
        var attempts = (int)(JsonBody.Integer(root, "max_attempts", 1, GroupLimits.AttemptsMax) ?? GroupLimits.AttemptsDefault);
        var deadLetters = JsonBody.Text(root, "dead_letter_topic");
        if (deadLetters is not null && TopicName.Validate(deadLetters) is { } error)
            throw new RequestException(error with { Field = "dead_letter_topic" });
        var list = ListOf(root);
        if (list is not null && JsonBody.Field(root, "backoff") is not null)
            throw RequestException.Malformed("backoff", "'backoff_ms' and 'backoff' say the same in two ways; send one of them.");
        return new GroupRetryPolicy(
            attempts, list ?? ExponentialOf(root, attempts), Fraction(root, "jitter", 0, 1, "") ?? 0,
            JsonBody.Choice(root, "retry", "topic", "in_place") == "in_place", deadLetters);
    }

    /// <summary>Parses a redrive.</summary>
    /// <exception cref="RequestException">It is malformed.</exception>
    public static RedriveFilter ParseRedrive(ReadOnlyMemory<byte> body)
    {
        using var document = JsonBody.Parse(body, "topic", "key", "reason");
        var root = document.RootElement;
        return new RedriveFilter(Short(root, "topic"), Short(root, "key"), Short(root, "reason"));
    }

    private static string? Short(JsonElement root, string name)
    {
        var text = JsonBody.Text(root, name);
        return text?.Length > GroupLimits.ReasonLengthMax
            ? throw RequestException.Malformed(name, $"'{name}' has {text.Length} characters; at most {GroupLimits.ReasonLengthMax} are taken.")
            : text;
    }

    private static ImmutableArray<int>? ListOf(JsonElement root) =>
        JsonBody.List(root, "backoff_ms", GroupLimits.AttemptsMax) is not { } list ? null :
        [.. list.Select((value, i) =>
            value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var ms) && ms >= 0 && ms <= GroupLimits.BackoffMsMax
            ? ms
            : throw RequestException.Malformed(
                $"backoff_ms[{i}]", $"'backoff_ms[{i}]' is {RequestException.Shown(value.GetRawText())}; expected milliseconds from 0 to {GroupLimits.BackoffMsMax}."))];

    /// <summary>Waits of which each is the one before times the multiplier, up to the greatest wait.</summary>
    private static ImmutableArray<int> ExponentialOf(JsonElement root, int attempts)
    {
        (double wait, double multiplier, double max) = (GroupLimits.BackoffMsInitial, 2, GroupLimits.BackoffMsTop);
        if (JsonBody.Field(root, "backoff") is { } backoff)
        {
            JsonBody.CheckObject(backoff, "backoff", "backoff.", "initial_ms", "multiplier", "max_ms");
            wait = JsonBody.Integer(backoff, "initial_ms", 0, GroupLimits.BackoffMsMax, "backoff.") ?? wait;
            multiplier = Fraction(backoff, "multiplier", 1, 100, "backoff.") ?? multiplier;
            max = JsonBody.Integer(backoff, "max_ms", 0, GroupLimits.BackoffMsMax, "backoff.") ?? Math.Max(wait, max);
        }

        var waits = ImmutableArray.CreateBuilder<int>();
        for (var i = 1; i < attempts; i++, wait *= multiplier)
            waits.Add((int)Math.Min(wait, max));
        return waits.ToImmutable();
    }

    private static double? Fraction(JsonElement parent, string name, double min, double max, string prefix)
    {
        if (JsonBody.Field(parent, name) is not { } value)
            return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number >= min && number <= max
            ? number
            : throw RequestException.Malformed(prefix + name,
                $"'{prefix}{name}' is {RequestException.Shown(value.GetRawText())}; expected a number from {min} to {max}.");
    }
}
