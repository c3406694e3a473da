using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Routing;
using OrleansStream.Rest.Http;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>Anybody may ask for any name: one that does not exist costs nothing once it is answered.</summary>
[Collection(ApiTests.Name)]
public class UnknownNamesTests(ApiFixture api)
{
    private const int NamesEach = 3;

    [Fact]
    public async Task Any_ForANameThatDoesNotExist_LeavesNoGrainBehind()
    {
        var names = new List<string>();
        foreach (var endpoint in api.Endpoints)
        {
            var operation = endpoint.Metadata.GetMetadata<Operation>()!;
            var pattern = endpoint.RoutePattern.RawText!;
            var parameter = pattern.Contains("{topic}", StringComparison.Ordinal) ? "topic" : "group";
            if (operation.MakesTopic || !pattern.Contains($"{{{parameter}}}", StringComparison.Ordinal))
                continue;
            var method = endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods[0];
            for (var i = 0; i < NamesEach; i++)
            {
                var name = $"nobody-{Guid.NewGuid():N}";
                var path = pattern.Replace($"{{{parameter}}}", name, StringComparison.Ordinal)
                    .Replace("{partition}", "0", StringComparison.Ordinal).Replace("{member}", "m", StringComparison.Ordinal);
                using var request = new HttpRequestMessage(new HttpMethod(method), path + (operation.Id == "DeleteRecords" ? "?before_offset=latest" : ""));
                if (operation.Bodies.Count > 0)
                    request.Content = ApiFixture.Json(operation.Bodies[0].Example ?? "{}");
                request.Headers.Add("Accept", operation.Offers[0]);
                using var response = await api.SendAsync(request);
                Assert.True((int)response.StatusCode < 500, $"{method} {path}: {response.StatusCode}");
                if (parameter == "topic")
                    Assert.True(response.StatusCode == HttpStatusCode.NotFound, $"{method} {path}: {response.StatusCode}");
                // What made a group is no request for one that does not exist.
                using var there = await api.Client.GetAsync($"/v1/{parameter}s/{name}", TestContext.Current.CancellationToken);
                if (there.StatusCode == HttpStatusCode.NotFound)
                    names.Add(name);
            }
        }

        Assert.True(names.Count > 15 * NamesEach, $"{names.Count} names were asked for");
        await AssertNoGrainsAsync(names);
    }

    [Fact]
    public async Task Poll_ForTopicsThatDoNotExist_LeavesNoGrainsOfThemBehind()
    {
        string[] topics = [.. Enumerable.Range(0, 20).Select(_ => $"nothing-{Guid.NewGuid():N}")];
        var body = new JsonObject { ["topics"] = new JsonArray([.. topics.Select(topic => (JsonNode)topic)]), ["wait_ms"] = 3_000 };
        await api.PostAsync($"/v1/groups/{topics[0]}/members/m/poll", body.ToJsonString());

        await AssertNoGrainsAsync(topics[1..]);
    }

    [Fact]
    public async Task Create_OfATopicThatWasAskedForBefore_IsSeenAtOnce()
    {
        var name = $"later-{Guid.NewGuid():N}";
        for (var i = 0; i < 20; i++)
        {
            await api.GetAsync($"/v1/topics/{name}/partitions", 404);
            await api.GetAsync($"/v1/topics/{name}/partitions/0/records", 404);
            await api.PostAsync($"/v1/topics/{name}/records", """{"records":[{"value":1}]}""", 404);
            using var made = await api.Client.PutAsync($"/v1/topics/{name}", null, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.Created, made.StatusCode);
            await api.PostAsync($"/v1/topics/{name}/records", """{"records":[{"value":1}]}""");
            Assert.Single((await api.GetAsync($"/v1/topics/{name}/partitions/0/records"))["records"]!.AsArray());
            using var gone = await api.Client.DeleteAsync($"/v1/topics/{name}", TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.NoContent, gone.StatusCode);
        }
    }

    [Fact]
    public async Task Poll_WhileOthersAskForTheGroup_MakesItAndKeepsIt()
    {
        var topic = await api.CreateTopicAsync();
        for (var i = 0; i < 20; i++)
        {
            var group = $"soon-{Guid.NewGuid():N}";
            Task<HttpResponseMessage>[] asking = [.. Enumerable.Range(0, 8).Select(_ => api.Client.GetAsync($"/v1/groups/{group}", TestContext.Current.CancellationToken))];
            var poll = await api.PostAsync($"/v1/groups/{group}/members/m/poll", $$"""{"topics":["{{topic}}"]}""");
            foreach (var response in await Task.WhenAll(asking))
            {
                Assert.True(response.StatusCode is HttpStatusCode.OK or HttpStatusCode.NotFound, $"{response.StatusCode}");
                response.Dispose();
            }

            var member = Assert.Single((await api.GetAsync($"/v1/groups/{group}"))["members"]!.AsArray())!;
            Assert.Equal((long)poll["member_epoch"]!, (long)member["member_epoch"]!);
        }
    }

    private async Task AssertNoGrainsAsync(IReadOnlyCollection<string> names)
    {
        var management = api.Grains.GetGrain<IManagementGrain>(0);
        string[] left;
        await Wait.UntilAsync($"no grain is left of {names.Count} names", async () =>
        {
            var all = await management.GetDetailedGrainStatistics();
            left = [.. all.Select(one => one.GrainId.ToString()).Where(id => names.Any(name => id.Contains(name, StringComparison.Ordinal)))];
            TestContext.Current.TestOutputHelper?.WriteLine($"{left.Length} are left: {string.Join(", ", left.Take(5))}");
            return left.Length == 0;
        });
    }
}
