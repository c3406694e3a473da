using System.Text.Json.Nodes;
using CsCheck;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Groups;

/// <summary>A record that a member was given: what it says, which attempt it is, and where it is.</summary>
internal sealed record Delivery(string Value, int Attempt, string Topic, int Partition, long Offset, JsonNode Record);

/// <summary>A member that fails what it is told to fail, of a group with a retry policy.</summary>
internal sealed class RetryClient(ApiFixture api, string group, string topic, PollForm form = PollForm.Json)
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
        var partitions = (await api.GetAsync($"/v1/topics/{name}/partitions"))["partitions"]!.AsArray().Count;
        for (var partition = 0; partition < partitions; partition++)
        {
            var read = await api.GetAsync($"/v1/topics/{name}/partitions/{partition}/records");
            found.AddRange(read["records"]!.AsArray().Select(record => $"{record!["value"]} {HeaderOf(record, header)}"));
        }

        return [.. found];
    }

    public static string? HeaderOf(JsonNode record, string name) =>
        (string?)record["headers"]!.AsArray().SingleOrDefault(header => (string)header!["key"]! == name)?["value"];

    /// <summary>Where the group's redrives are asked for.</summary>
    public string RedrivePath => $"/v1/groups/{group}/dead-letters/redrive";

    /// <summary>Takes dead letters back and waits until that is done.</summary>
    public async Task<(long Redriven, long Kept)> RedriveAsync(string filter = "{}")
    {
        await api.PostAsync(RedrivePath, filter, 202);
        var done = await RedrivenAsync();
        return ((long)done["redriven"]!, (long)done["kept"]!);
    }

    /// <summary>Waits until a redrive that was asked for is done, and gives its end.</summary>
    public async Task<JsonNode> RedrivenAsync()
    {
        JsonNode done = new JsonObject();
        await Wait.UntilAsync("the redrive is done", async () => (string?)(done = await api.GetAsync(RedrivePath))["state"] == "done");
        Assert.Equal(0, (long)done["left"]!);
        Assert.Equal((long)done["kept"]! + (long)done["gone"]!, done["not_redriven"]!.AsArray().Sum(reason => (long)reason!["count"]!));
        return done;
    }

    /// <summary>Why dead letters did not go back: each reason with its count.</summary>
    public static string[] ReasonsOf(JsonNode redrive) =>
        [.. redrive["not_redriven"]!.AsArray().Select(reason => $"{reason!["reason"]} {reason["count"]}").Order(StringComparer.Ordinal)];

    /// <summary>Has records fail for good, by a policy of one attempt.</summary>
    public async Task DieAsync(params string[] values)
    {
        await ProduceAsync(values);
        var left = values.ToHashSet();
        for (IReadOnlyList<Delivery> delivered = []; left.Count > 0;)
        {
            if (delivered.Count == 0)
                delivered = await PollUntilAsync();
            Assert.All(delivered, one => Assert.True(left.Remove(one.Value), one.Value));
            delivered = await PollAsync([.. delivered.Select(one => (one, "no"))]);
        }
    }

    /// <summary>How many records were ever stored in a topic of one partition.</summary>
    public async Task<int> CountAsync(string name) =>
        (int)(await api.GetAsync($"/v1/topics/{name}/partitions"))["partitions"]!.AsArray().Single()!["high_watermark"]!;

    /// <summary>Makes a topic of one partition.</summary>
    public Task MakeAsync(string name, string config) => PutAsync($"/v1/topics/{name}", $$"""{"partitions":1,"config":{{config}}}""");

    /// <summary>Changes a topic's settings.</summary>
    public async Task AlterAsync(string name, string config)
    {
        using var response = await api.Client.PatchAsync(
            $"/v1/topics/{name}", ApiFixture.Json($$"""{"config":{{config}}}"""), TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, await ApiFixture.TextAsync(response));
    }

    /// <summary>Stores a record with headers of a client's choice, in a topic that is made when it is not there.</summary>
    public async Task ForgeAsync(string name, string value, (string Key, string Value)[] headers)
    {
        using (var response = await api.Client.PutAsync($"/v1/topics/{name}", ApiFixture.Json("""{"partitions":1}"""), TestContext.Current.CancellationToken))
            Assert.True((int)response.StatusCode is 200 or 201 or 409, await ApiFixture.TextAsync(response));
        var record = new JsonObject
        {
            ["value"] = value,
            ["headers"] = new JsonArray([.. headers.Select(header => new JsonObject { ["key"] = header.Key, ["value"] = header.Value })]),
        };
        await api.PostAsync($"/v1/topics/{name}/partitions/0/records", new JsonObject { ["records"] = new JsonArray(record) }.ToJsonString());
    }

    /// <summary>Any of some texts.</summary>
    public static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private async Task<IReadOnlyList<Delivery>> SendAsync()
    {
        var answer = await form.PollAsync(api, $"/v1/groups/{group}/members/m/poll", _last);
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
