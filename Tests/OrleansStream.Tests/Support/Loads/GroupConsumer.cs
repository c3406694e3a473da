using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Support.Loads;

/// <summary>A record as a member of a group gets it.</summary>
internal sealed record GroupRecord(string Topic, int Partition, long Offset, string? Key, JsonNode Value, int Attempt = 1);

/// <summary>
/// One process of a consumer, as anybody would write it: poll, work, send the cursor back with the next poll. To be killed it
/// needs nothing but not to poll any more.
/// </summary>
internal sealed class GroupConsumer(ServiceClient client, string group, string member, params string[] topics)
{
    private readonly List<JsonObject> _failed = [];
    private string? _cursor;

    public string Member => member;

    public int LeaseMs { get; init; } = 30_000;

    public int MaxRecords { get; init; } = 500;

    public string StartAt { get; init; } = "earliest";

    /// <summary>The epoch of the last answer.</summary>
    public long Epoch { get; private set; }

    /// <summary>The partitions of the last answer, as <c>topic/partition</c>.</summary>
    public IReadOnlyList<string> Assignment { get; private set; } = [];

    /// <summary>The last answer.</summary>
    public JsonNode Last { get; private set; } = new JsonObject();

    /// <summary>Says that what the last poll gave is done with, and asks for more.</summary>
    public async Task<IReadOnlyList<GroupRecord>> PollAsync(int waitMs = 500)
    {
        while (true)
        {
            var answer = await SendAsync(waitMs);
            // It missed something: the answer says where it stands now, and nothing of what it did is committed.
            _cursor = (string?)answer.Body?["cursor"];
            _failed.Clear();
            if (answer.Status == HttpStatusCode.Conflict)
                continue;
            Read(answer.Expect(HttpStatusCode.OK).Body!);
            return [.. Last["records"]!.AsArray().Select(record => new GroupRecord(
                (string)record!["topic"]!, (int)record["partition"]!, (long)record["offset"]!, (string?)record["key"], record["value"]!.DeepClone(), (int?)record["attempt"] ?? 1))];
        }
    }

    /// <summary>Says that a record of the last answer could not be worked on: the next poll tells the group.</summary>
    public void Fail(GroupRecord record, string reason) => _failed.Add(new JsonObject
    {
        ["topic"] = record.Topic, ["partition"] = record.Partition, ["offset"] = record.Offset, ["reason"] = reason,
    });

    /// <summary>Sends one poll, whatever comes of it.</summary>
    public Task<Answer> SendAsync(int waitMs = 0)
    {
        var poll = new JsonObject
        {
            ["topics"] = new JsonArray([.. topics.Select(topic => JsonValue.Create(topic))]),
            ["wait_ms"] = waitMs,
            ["lease_ms"] = LeaseMs,
            ["max_records"] = MaxRecords,
            ["auto_offset_reset"] = StartAt,
            ["cursor"] = _cursor,
        };
        if (_failed.Count > 0)
            poll["failed"] = new JsonArray([.. _failed.Select(failed => failed.DeepClone())]);
        return client.PostAsync($"/v1/groups/{group}/members/{member}/poll", poll);
    }

    /// <summary>Polls until it has so many partitions, and gives what came meanwhile.</summary>
    public async Task<List<GroupRecord>> PollUntilAsync(Func<GroupConsumer, bool> condition)
    {
        var records = new List<GroupRecord>();
        await Wait.UntilAsync($"{member} has what it waits for", async () =>
        {
            records.AddRange(await PollAsync(200));
            return condition(this);
        });
        return records;
    }

    public async Task LeaveAsync() =>
        (await client.SendAsync(HttpMethod.Delete, $"/v1/groups/{group}/members/{member}")).Expect(HttpStatusCode.NoContent);

    private void Read(JsonNode answer)
    {
        Last = answer;
        Epoch = (long)answer["member_epoch"]!;
        Assignment = [.. answer["assignment"]!.AsArray().SelectMany(
            topic => topic!["partitions"]!.AsArray().Select(partition => $"{topic["topic"]}/{partition}"))];
    }
}
