using System.Text.Json;
using OrleansStream.Gateway.Groups;
using OrleansStream.Gateway.Reading;
using OrleansStream.Groups;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Fetch;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Groups;

/// <summary>A request to commit or set offsets.</summary>
/// <param name="Member">The member that commits them; null to set them for a group without members.</param>
/// <param name="Epoch">The member's epoch.</param>
/// <param name="Cursor">A cursor with the offsets; null when <paramref name="Offsets"/> has them.</param>
/// <param name="Offsets">The offsets, by topic name.</param>
internal sealed record OffsetsRequest(
    string? Member, long Epoch, GroupCursor? Cursor, IReadOnlyList<TopicOffset> Offsets);

/// <summary>A poll, with the form of its records.</summary>
/// <param name="Options">The poll's options.</param>
/// <param name="Views">The form of keys and values.</param>
internal sealed record PollBody(PollOptions Options, PayloadViews Views);

/// <summary>Parses the bodies of requests to groups.</summary>
internal static class GroupJson
{
    /// <summary>Parses a poll.</summary>
    /// <exception cref="RequestException">It is malformed.</exception>
    public static PollBody ParsePoll(ReadOnlyMemory<byte> body, string group, string member)
    {
        using var document = JsonBody.Parse(
            body, "topics", "cursor", "commit", "failed", "max_records", "max_bytes", "wait_ms", "lease_ms", "auto_offset_reset", "assignor",
            "key_as", "value_as");
        var poll = document.RootElement;
        var commits = JsonBody.Boolean(poll, "commit", usual: true);
        var options = new PollOptions
        {
            Topics = TopicsOf(poll) ?? throw JsonBody.Missing("topics", "the names of the topics to read"),
            Cursor = JsonBody.Text(poll, "cursor") is { } cursor ? GroupCursor.Read(cursor, group, member) : null,
            Commits = commits,
            Failed = RetryJson.ParseFailed(poll, canCommit: commits && JsonBody.Field(poll, "cursor") is not null),
            RecordsMax = (int)(JsonBody.Integer(poll, "max_records", 0, FetchLimits.FetchRecordsMax) ?? GroupRequestLimits.PollRecordsDefault),
            BytesMax = (int)(JsonBody.Integer(poll, "max_bytes", 1, FetchLimits.FetchBytesMax) ?? ReadingLimits.FetchBytesDefault),
            WaitMs = (int)(JsonBody.Integer(poll, "wait_ms", 0, GroupRequestLimits.PollWaitMsMax) ?? 0),
            LeaseMs = (int)(JsonBody.Integer(poll, "lease_ms", GroupLimits.LeaseMsMin, GroupLimits.LeaseMsMax) ?? GroupLimits.LeaseMsDefault),
            Policy = JsonBody.Choice(poll, "auto_offset_reset", "earliest", "latest", "error") switch
            {
                "latest" => OffsetPolicy.Latest,
                "error" => OffsetPolicy.Error,
                _ => OffsetPolicy.Earliest,
            },
            Assignor = JsonBody.Choice(poll, "assignor", "sticky", "range"),
        };
        return new PollBody(options, new PayloadViews(TypeOf(poll, "key_as"), TypeOf(poll, "value_as")));
    }

    /// <summary>Parses a request to commit or set offsets.</summary>
    /// <exception cref="RequestException">It is malformed.</exception>
    public static OffsetsRequest ParseOffsets(ReadOnlyMemory<byte> body, string group)
    {
        using var document = JsonBody.Parse(body, "member", "member_epoch", "cursor", "offsets");
        var root = document.RootElement;
        var member = JsonBody.Text(root, "member");
        if (member is not null && GroupName.ValidateMember(member) is { } error)
            throw new RequestException(error);
        var cursor = JsonBody.Text(root, "cursor");
        var offsets = JsonBody.List(root, "offsets", GroupLimits.OffsetsPerRequestMax);
        if (cursor is not null && member is null)
            throw JsonBody.Missing("member", "the id of the member whose cursor it is");
        if ((cursor is null) == (offsets is null))
            throw JsonBody.Missing("offsets", "either offsets or a cursor");
        var epoch = JsonBody.Integer(root, "member_epoch", 1, long.MaxValue);
        if (member is not null && cursor is null && epoch is null)
            throw JsonBody.Missing("member_epoch", "the member_epoch of the member's last answer");
        return new OffsetsRequest(
            member, epoch ?? 0,
            cursor is null ? null : GroupCursor.Read(cursor, group, member!),
            [.. (offsets ?? []).Select(ParseOffset)]);
    }

    /// <summary>Parses a reset.</summary>
    /// <exception cref="RequestException">It is malformed.</exception>
    public static OffsetReset ParseReset(ReadOnlyMemory<byte> body)
    {
        using var document = JsonBody.Parse(body, "topics", "partitions", "to", "timestamp", "offset", "by", "dry_run");
        var root = document.RootElement;
        var to = JsonBody.Choice(root, "to", "earliest", "latest", "timestamp", "offset", "shift")
            ?? throw JsonBody.Missing("to", "earliest, latest, timestamp, offset or shift");
        var timestamp = TimestampOf(root);
        var offset = JsonBody.Integer(root, "offset", 0, long.MaxValue);
        var by = JsonBody.Integer(root, "by", -long.MaxValue, long.MaxValue);
        var wanted = to switch { "timestamp" or "offset" => to, "shift" => "by", _ => null };
        foreach ((var name, var value) in new[] { ("timestamp", timestamp), ("offset", offset), ("by", by) })
        {
            if (name == wanted && value is null)
                throw JsonBody.Missing(name, $"a value, since 'to' is {to}");
            if (name != wanted && value is not null)
                throw RequestException.Malformed(name, $"'{name}' has no meaning when 'to' is {to}.");
        }

        var partitions = JsonBody.List(root, "partitions", TopicLimits.PartitionsMax);
        return new OffsetReset(
            TopicsOf(root),
            partitions?.Select((value, i) => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var p) && p >= 0
                ? p
                : throw RequestException.Malformed($"partitions[{i}]",
                    $"'partitions[{i}]' is {RequestException.Shown(value.GetRawText())}; expected a partition's number.")).ToHashSet(),
            to switch
            {
                "earliest" => OffsetTarget.Earliest,
                "latest" => OffsetTarget.Latest,
                "timestamp" => OffsetTarget.Timestamp,
                "offset" => OffsetTarget.Offset,
                _ => OffsetTarget.Shift,
            },
            timestamp ?? offset ?? by ?? 0, JsonBody.Boolean(root, "dry_run", usual: false));
    }

    private static TopicOffset ParseOffset(JsonElement offset, int index)
    {
        var prefix = $"offsets[{index}].";
        JsonBody.CheckObject(offset, $"offsets[{index}]", prefix, "topic", "partition", "offset", "metadata");
        var topic = JsonBody.Text(offset, "topic", prefix) ?? throw JsonBody.Missing(prefix + "topic", "a topic's name");
        CheckTopic(topic, prefix + "topic");
        return new TopicOffset(
            topic,
            (int)(JsonBody.Integer(offset, "partition", 0, int.MaxValue, prefix)
                ?? throw JsonBody.Missing(prefix + "partition", "a partition's number")),
            JsonBody.Integer(offset, "offset", 0, long.MaxValue, prefix) ?? throw JsonBody.Missing(prefix + "offset", "the next offset to read"),
            JsonBody.Text(offset, "metadata", prefix));
    }

    private static string[]? TopicsOf(JsonElement root)
    {
        var list = JsonBody.List(root, "topics", GroupLimits.TopicsPerMemberMax);
        if (list is null)
            return null;
        var topics = new SortedSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < list.Length; i++)
        {
            var field = $"topics[{i}]";
            var topic = JsonBody.TextOf(list[i], field);
            CheckTopic(topic, field);
            if (!topics.Add(topic))
                throw JsonFields.Twice(field);
        }

        return [.. topics];
    }

    private static void CheckTopic(string topic, string field)
    {
        if (TopicName.Validate(topic) is { } error)
            throw new RequestException(error with { Field = field });
    }

    private static PayloadType TypeOf(JsonElement root, string name) => JsonBody.Choice(root, name, "auto", "json", "string", "binary") switch
    {
        "json" => PayloadType.Json,
        "string" => PayloadType.String,
        "binary" => PayloadType.Binary,
        _ => PayloadType.Auto,
    };

    private static long? TimestampOf(JsonElement root)
    {
        if (JsonBody.Field(root, "timestamp") is not { } value)
            return null;
        var text = value.ValueKind == JsonValueKind.String ? JsonBody.TextOf(value, "timestamp") : value.GetRawText();
        return Parameters.Timestamp("timestamp", text);
    }
}
