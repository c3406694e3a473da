using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Security;

/// <summary>Who managed what, and what was refused, is written down; what requests carry is not.</summary>
public sealed class AuditTests(SecureApi api) : IClassFixture<SecureApi>
{
    [Fact]
    public async Task Calls_ThatManageOrAreRefused_AreInTheLogAndInTheTopic()
    {
        using var admin = api.ClientOf(api.Bootstrap);
        using var reader = api.ClientOf(await api.CreateKeyAsync("reader", """{"role":"Data Receiver"}"""));
        reader.DefaultRequestHeaders.Add("Client-Id", "its-own-words");
        await SecureApi.SendAsync(admin, HttpMethod.Put, "/v1/topics/matches", "{}", 201);
        for (var i = 0; i < 2; i++)
            await SecureApi.SendAsync(admin, HttpMethod.Put, "/v1/topics/matches", """{"partitions":3}""", 409);
        await SecureApi.SendAsync(admin, HttpMethod.Post, "/v1/topics/matches/records", """{"records":[{"value":"what it carries"}]}""");
        for (var i = 0; i < 3; i++)
            await SecureApi.SendAsync(reader, HttpMethod.Post, "/v1/topics/matches/records", """{"records":[{"value":"what it carries"}]}""", 403);
        await SecureApi.SendAsync(reader, HttpMethod.Get, "/v1/topics/__audit/partitions/0/records", status: 403);

        List<JsonNode> entries = [];
        await Wait.UntilAsync(
            "all of it is in the topic",
            async () =>
            {
                using var response = await admin.GetAsync("/v1/topics/__audit/partitions/0/records?from=earliest", TestContext.Current.CancellationToken);
                if (!response.IsSuccessStatusCode)
                    return false;
                var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
                entries = [.. answer["records"]!.AsArray().Select(record => record!["value"]!)];
                return entries.Count >= 5;
            },
            TimeSpan.FromSeconds(30));

        Assert.Equal(
            [
                "key:bootstrap createKey Cluster kafka-cluster: key reader of reader, Data Receiver done ", "key:bootstrap createTopic Topic matches done ",
                "key:bootstrap createTopic Topic matches failed TOPIC_ALREADY_EXISTS",
                "key:reader produce Topic matches refused TOPIC_AUTHORIZATION_FAILED", "key:reader fetchRecords Topic __audit refused TOPIC_AUTHORIZATION_FAILED",
            ],
            entries.Select(entry => $"{entry["principal"]} {entry["what"]} {entry["resource"]} {entry["outcome"]} {entry["error"]}"));
        Assert.All(entries, entry => Assert.Equal("127.0.0.1", ((string)entry["address"]!).Replace("::ffff:", "", StringComparison.Ordinal)));
        Assert.Equal("its-own-words", (string)entries[3]["client_id"]!);
        Assert.DoesNotContain(entries, entry => entry.ToJsonString().Contains("what it carries", StringComparison.Ordinal));
        Assert.Single(api.Log.All, line => line.Contains("refused (TOPIC_AUTHORIZATION_FAILED): key:reader from 127.0.0.1 (client its-own-words): produce on Topic matches", StringComparison.Ordinal));
        // Nobody else has it, and the admin cannot change it.
        Assert.Contains((await SecureApi.SendAsync(admin, HttpMethod.Get, "/v1/topics"))!["topics"]!.AsArray(), topic => (string?)topic!["name"] == "__audit");
        Assert.DoesNotContain((await SecureApi.SendAsync(reader, HttpMethod.Get, "/v1/topics"))!["topics"]!.AsArray(), topic => (string?)topic!["name"] == "__audit");
        await SecureApi.SendAsync(admin, HttpMethod.Delete, "/v1/topics/__audit", status: 403);
        await SecureApi.SendAsync(admin, HttpMethod.Post, "/v1/topics/__audit/records", """{"records":[{"value":"forged"}]}""", 403);
    }
}
