using System.Text.Json.Nodes;
using OrleansStream.Tests.Api;
using OrleansStream.Tests.EndToEnd;

namespace OrleansStream.Tests.Groups;

/// <summary>A record that a member was given: what it says, which attempt it is, and where it is.</summary>
internal sealed record Delivery(string Value, int Attempt, string Topic, int Partition, long Offset, JsonNode Record);

/// <summary>A member that fails what it is told to fail, of a group with a retry policy.</summary>
internal sealed class RetryClient(ApiFixture api, string group, string topic)
{
    private string? _cursor;
    private string _last = "";

    public string Group => group;

    public Task SetPolicyAsync(string policy) => PutAsync($"/v1/groups/{group}", policy);

    public Task ProduceAsync(params (string? Key, string Value)[] records) => api.PostAsync(
        $"/v1/topics/{topic}/partitions/0/records",
        new JsonObject { ["records"] = new JsonArray([.. records.Select(record => new JsonObject { ["key"] = record.Key, ["value"] = record.Value })]) }.ToJsonString());

    public Task ProduceAsync(params string[] values) => ProduceAsync([.. values.Select(value => ((string?)null, value))]);

    /// <summary>Polls: all of the last answer is done, but for what failed.</summary>
    public async Task<IReadOnlyList<Delivery>> PollAsync(params (Delivery Delivery, string Reason)[] failed)
    {
        var body = new JsonObject { ["topics"] = new JsonArray(topic), ["lease_ms"] = 3_600_000, ["cursor"] = _cursor };
        if (failed.Length > 0)
        {
            body["failed"] = new JsonArray([.. failed.Select(one => new JsonObject
            {
                ["topic"] = one.Delivery.Topic, ["partition"] = one.Delivery.Partition, ["offset"] = one.Delivery.Offset, ["reason"] = one.Reason,
            })]);
        }

        _last = body.ToJsonString();
        return await SendAsync();
    }

    /// <summary>Sends the last poll again, as when its answer was lost.</summary>
    public Task<IReadOnlyList<Delivery>> RepeatAsync() => SendAsync();

    /// <summary>As a process that has just started.</summary>
    public void Restart() => _cursor = null;

    /// <summary>Polls until something comes.</summary>
    public async Task<IReadOnlyList<Delivery>> PollUntilAsync(int count = 1)
    {
        var all = new List<Delivery>();
        await Wait.UntilAsync($"{count} records have come", async () =>
        {
            all.AddRange(await PollAsync());
            return all.Count >= count;
        });
        return all;
    }

    /// <summary>All values in a topic, with a header of each.</summary>
    public async Task<string[]> ReadAsync(string name, string header)
    {
        var found = new List<string>();
        int partitions = (await api.GetAsync($"/v1/topics/{name}/partitions"))["partitions"]!.AsArray().Count;
        for (int partition = 0; partition < partitions; partition++)
        {
            var read = await api.GetAsync($"/v1/topics/{name}/partitions/{partition}/records");
            found.AddRange(read["records"]!.AsArray().Select(record => $"{record!["value"]} {HeaderOf(record, header)}"));
        }

        return [.. found];
    }

    public static string? HeaderOf(JsonNode record, string name) =>
        (string?)record["headers"]!.AsArray().SingleOrDefault(header => (string)header!["key"]! == name)?["value"];

    /// <summary>Takes dead letters back and waits until that is done.</summary>
    public async Task<(long Redriven, long Kept)> RedriveAsync(string filter = "{}")
    {
        string path = $"/v1/groups/{group}/dead-letters/redrive";
        await api.PostAsync(path, filter, 202);
        JsonNode done = new JsonObject();
        await Wait.UntilAsync("the redrive is done", async () => (string?)(done = await api.GetAsync(path))["state"] == "done");
        Assert.Equal(0, (long)done["left"]!);
        return ((long)done["redriven"]!, (long)done["kept"]!);
    }

    private async Task<IReadOnlyList<Delivery>> SendAsync()
    {
        var answer = await api.PostAsync($"/v1/groups/{group}/members/m/poll", _last);
        _cursor = (string)answer["cursor"]!;
        return [.. answer["records"]!.AsArray().Select(record => new Delivery(
            (string)record!["value"]!, (int?)record["attempt"] ?? 1, (string)record["topic"]!, (int)record["partition"]!, (long)record["offset"]!, record.DeepClone()))];
    }

    private async Task PutAsync(string path, string body)
    {
        using var response = await api.Client.PutAsync(path, ApiFixture.Json(body), TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, await ApiFixture.TextAsync(response));
    }
}
