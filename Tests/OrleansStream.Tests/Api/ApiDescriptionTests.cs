using System.Text.Json.Nodes;

namespace OrleansStream.Tests.Api;

[Collection(ApiTests.Name)]
public class ApiDescriptionTests(ApiFixture api)
{
    [Fact]
    public async Task Document_WhenRead_DescribesEveryOperationWithTypedAnswers()
    {
        JsonNode document = await api.GetAsync("/swagger/v1/swagger.json");
        var faults = new List<string>();
        int count = 0;
        foreach ((string path, JsonNode? item) in document["paths"]!.AsObject())
        {
            foreach ((string method, JsonNode? operation) in item!.AsObject())
            {
                count++;
                string name = $"{method} {path}";
                if (operation!["summary"] is null || operation["description"] is null || operation["operationId"] is null)
                    faults.Add($"{name} has no text");
                foreach (JsonNode? parameter in operation["parameters"]?.AsArray() ?? [])
                {
                    if (parameter!["description"] is null)
                        faults.Add($"{name}: {parameter["name"]} has no text");
                }

                JsonObject responses = operation["responses"]!.AsObject();
                faults.AddRange(responses
                    .Where(r => r.Key[0] is '4' or '5' && r.Value!["content"]?["application/problem+json"]?["schema"] is null)
                    .Select(r => $"{name} {r.Key} has no problem"));
                if (!responses.Any(r => r.Key[0] == '2'))
                    faults.Add($"{name} has no success");
            }
        }

        Assert.Empty(faults);
        Assert.Equal(28, count);
    }

    [Fact]
    public async Task Sections_WhenRead_AreThoseThatHoldOperations()
    {
        JsonNode document = await api.GetAsync("/swagger/v1/swagger.json");
        var used = document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject())
            .SelectMany(operation => operation.Value!["tags"]!.AsArray().Select(tag => (string)tag!)).Distinct().Order();
        Assert.Equal(used, document["tags"]!.AsArray().Select(tag => (string)tag!["name"]!).Order());
    }

    [Fact]
    public async Task Examples_WhenExecutedInOrder_Work()
    {
        JsonNode paths = (await api.GetAsync("/swagger/v1/swagger.json"))["paths"]!;
        JsonNode put = paths["/v1/topics/{topic}"]!["put"]!;
        using HttpResponseMessage created = await api.Client.PutAsync(
            "/v1/topics/matches", ApiFixture.Json(Example(put, "application/json")!.ToJsonString()), TestContext.Current.CancellationToken);
        Assert.Equal(201, (int)created.StatusCode);
        JsonNode post = paths["/v1/topics/{topic}/records"]!["post"]!;
        await api.PostAsync("/v1/topics/matches/records", Example(post, "application/json")!.ToJsonString());
        using HttpResponseMessage lines = await api.PostAsync("/v1/topics/matches/records", ApiFixture.Body(
            System.Text.Encoding.UTF8.GetBytes((string)Example(post, "application/x-ndjson")!), "application/x-ndjson"));
        Assert.Equal(200, (int)lines.StatusCode);
        JsonNode get = paths["/v1/topics/{topic}/partitions/{partition}/records"]!["get"]!;
        JsonNode partition = get["parameters"]!.AsArray().Single(p => (string?)p!["name"] == "partition")!["example"]!;
        JsonNode fetched = await api.GetAsync($"/v1/topics/matches/partitions/{partition}/records?from=earliest");
        Assert.Contains(fetched["records"]!.AsArray(), r => (string?)r!["key"] == "argentina-brazil");
        await CheckGroupExamplesAsync(paths);
    }

    private async Task CheckGroupExamplesAsync(JsonNode paths)
    {
        JsonNode poll = paths["/v1/groups/{group}/members/{member}/poll"]!["post"]!;
        JsonNode polled = await api.PostAsync("/v1/groups/scoreboard/members/anna/poll", Example(poll, "application/json")!.ToJsonString());
        Assert.Contains(polled["records"]!.AsArray(), r => (string?)r!["key"] == "argentina-brazil");
        await api.GetAsync("/v1/groups");
        await api.GetAsync("/v1/groups/scoreboard");
        JsonNode reset = paths["/v1/groups/{group}/offsets/reset"]!["post"]!;
        await api.PostAsync("/v1/groups/scoreboard/offsets/reset", Example(reset, "application/json")!.ToJsonString());
        using var leave = new HttpRequestMessage(HttpMethod.Delete, "/v1/groups/scoreboard/members/anna");
        Assert.Equal(204, (int)(await api.SendAsync(leave)).StatusCode);
        JsonNode put = paths["/v1/groups/{group}/offsets"]!["put"]!;
        using HttpResponseMessage set = await api.Client.PutAsync(
            "/v1/groups/scoreboard/offsets", ApiFixture.Json(Example(put, "application/json")!.ToJsonString()), TestContext.Current.CancellationToken);
        Assert.Equal(200, (int)set.StatusCode);
        await api.GetAsync("/v1/groups/scoreboard/offsets");
        await api.GetAsync("/v1/groups/scoreboard/lag");
    }

    [Fact]
    public async Task Page_WhenOpened_NeedsNothingFromOutside()
    {
        using HttpResponseMessage root = await api.Client.GetAsync("/", TestContext.Current.CancellationToken);
        Assert.Equal("/swagger", root.Headers.Location!.OriginalString);
        string page = await api.Client.GetStringAsync("/swagger/index.html", TestContext.Current.CancellationToken);
        Assert.DoesNotContain("src=\"http", page, StringComparison.Ordinal);
        Assert.DoesNotContain("href=\"http", page, StringComparison.Ordinal);
        Assert.DoesNotContain("//cdn", page, StringComparison.Ordinal);
    }

    private static JsonNode? Example(JsonNode operation, string type) => operation["requestBody"]!["content"]![type]!["example"];
}
