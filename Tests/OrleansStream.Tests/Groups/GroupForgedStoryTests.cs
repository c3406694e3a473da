using System.Net;
using System.Text.Json.Nodes;
using CsCheck;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Groups;

/// <summary>What clients write into a group's retry topics and dead letters is not believed, and holds nothing back.</summary>
public abstract class GroupForgedStoryTests : RetryTests
{
    protected GroupForgedStoryTests(PollForm form)
        : base(DeadAtOnce, form)
    {
    }

    [Fact]
    public async Task Poll_WhenSomebodyElsePutRecordsInARetryTopic_DeliversThemAndHoldsNothingBack()
    {
        await Client.SetPolicyAsync("""{"max_attempts":3,"backoff_ms":[60000]}""");
        await Client.ProduceAsync("poison");
        await Client.PollAsync((Assert.Single(await Client.PollAsync()), "no"));
        await Client.ForgeAsync(RetryTopic, "forged", Story(("due", "2999-01-01T00:00:00.000Z"), ("attempt", "99999999999")));
        Time.Advance(TimeSpan.FromSeconds(61));
        var back = await Client.PollUntilAsync(2);
        Assert.Equal([("poison", 2), ("forged", 1)], back.Select(one => (one.Value, one.Attempt)));

        // It has begun where it is, so it comes again, and is dead in the end.
        await Client.PollAsync((back[1], "no"));
        Time.Advance(TimeSpan.FromSeconds(61));
        var second = Assert.Single(await Client.PollUntilAsync());
        Assert.Equal(("forged", 2, RetryTopic), (second.Value, second.Attempt, (string?)second.Record["origin"]!["topic"]));
        await Client.PollAsync((second, "no"));
        Time.Advance(TimeSpan.FromSeconds(61));
        await Client.PollAsync((Assert.Single(await Client.PollUntilAsync()), "no"));
        Assert.Equal(["forged 3"], await Client.ReadAsync(DeadLetters, "retry.attempt"));
        Assert.Equal((1, 0), await Client.RedriveAsync());
        Assert.Equal("forged", Assert.Single(await Client.PollUntilAsync()).Value);
    }

    [Fact]
    public async Task Poll_WhenThePolicyWaitsShorterByNow_DoesNotWaitForWhatWaitedLonger()
    {
        await Client.SetPolicyAsync("""{"max_attempts":3,"backoff_ms":[86400000]}""");
        await Client.ProduceAsync("first");
        await Client.PollAsync((Assert.Single(await Client.PollAsync()), "no"));
        await Client.SetPolicyAsync("""{"max_attempts":3,"backoff_ms":[1000]}""");
        await Client.ProduceAsync("second");
        await Client.PollAsync((Assert.Single(await Client.PollUntilAsync()), "no"));
        Time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(["first", "second"], (await Client.PollUntilAsync(2)).Select(one => one.Value));
    }

    [Theory]
    [InlineData("reason")]
    [InlineData("topic")]
    [InlineData("other")]
    public async Task Produce_WhenTheHeadersOfAStoryAreLongerThanAnyAre_CountsThemForTheRecordsSize(string name)
    {
        var small = await Api.CreateTopicAsync(1, """{"max.message.bytes":1000}""");
        var record = new JsonObject
        {
            ["value"] = "v", ["headers"] = new JsonArray(new JsonObject { ["key"] = "retry." + name, ["value"] = new string('x', 10_000) }),
        };
        await Api.PostAsync($"/v1/topics/{small}/partitions/0/records", new JsonObject { ["records"] = new JsonArray(record) }.ToJsonString(), 413);
    }

    [Fact]
    public async Task Policy_WhenDeadLettersWouldBeDeliveredAgain_IsRefused()
    {
        using var response = await Api.Client.PutAsync(
            "/v1/groups/crawlers", ApiFixture.Json("""{"dead_letter_topic":"pages.crawlers.retry"}"""), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("dead_letter_topic", (string?)JsonNode.Parse(await ApiFixture.TextAsync(response))!["field"]);
    }

    [Fact]
    public async Task Redrive_WhenTwoGroupsShareTheirDeadLetters_TakesEachItsOwn()
    {
        var graves = await Api.CreateTopicAsync();
        var other = new RetryClient(Api, "others", await Api.CreateTopicAsync(), Form);
        foreach (var client in new[] { Client, other })
            await client.SetPolicyAsync($$"""{"max_attempts":1,"dead_letter_topic":"{{graves}}"}""");
        await Client.DieAsync("mine");
        await other.ProduceAsync("theirs");
        await other.PollAsync((Assert.Single(await other.PollAsync()), "no"));
        Assert.Equal((1, 1), await Client.RedriveAsync());
        Assert.Equal((1, 1), await other.RedriveAsync());
        Assert.Equal("mine", Assert.Single(await Client.PollUntilAsync()).Value);
        Assert.Equal("theirs", Assert.Single(await other.PollUntilAsync()).Value);
    }

    /// <summary>
    /// Clients may write any headers into a group's topics. Still each failed record comes back once, the answer counts the records that are kept,
    /// and the run ends.
    /// </summary>
    [Fact]
    public async Task Redrive_WhenClientsWriteAnyHeadersBesideGenuineOnes_TakesEveryGenuineOneAndEnds()
    {
        var value = RetryClient.OneOf(
            "1", "0", "-1", "3", "20", "21", "99999999999", "9223372036854775808", "x", "", "bad/name", "a b", "..", new string('n', 250), Topic, "another", Client.Group,
            "2020-01-01T00:00:00Z", "2999-01-01T00:00:00.000Z", "0001-01-01T00:00:00.000Z", "2020-13-01", "\u0000", "\ud83d\ude00");
        var headers = Gen.Select(RetryClient.OneOf("group", "attempt", "due", "first_failure", "reason", "topic", "partition", "offset", "timestamp", "other"), value).Array[0, 6];
        Gen<(bool IsGenuine, bool IsRetry, (string, string)[] Headers)[]> plans = Gen.Select(Gen.Bool, Gen.Bool, headers).Array[1, 8];
        var round = 0;
        await plans.SampleAsync(async plan => await RunAsync(plan, round++), iter: 12, threads: 1);
    }

    private async Task RunAsync((bool IsGenuine, bool IsRetry, (string, string)[] Headers)[] plan, int round)
    {
        (string Name, bool IsGenuine, bool IsRetry, (string, string)[] Headers)[] named =
            [.. plan.Select((one, i) => ($"{round}-{i}", one.IsGenuine, one.IsRetry && !one.IsGenuine, one.Headers))];
        foreach (var one in named.Where(one => !one.IsRetry))
        {
            if (one.IsGenuine)
                await Client.DieAsync(one.Name);
            else
                await Client.ForgeAsync(DeadLetters, one.Name, Story(one.Headers));
        }

        foreach (var one in named.Where(one => one.IsRetry))
            await Client.ForgeAsync(RetryTopic, one.Name, Story(one.Headers));
        string[] expected = [.. named.Where(one => one.IsGenuine || one.IsRetry).Select(one => one.Name)];
        Assert.Equal((named.Count(one => one.IsGenuine), named.Length - expected.Length), await Client.RedriveAsync());
        var back = expected.Length == 0 ? [] : await Client.PollUntilAsync(expected.Length);
        Assert.Equal(expected.Order(StringComparer.Ordinal), back.Select(one => one.Value).Order(StringComparer.Ordinal));
        Assert.Empty(await Client.PollAsync());
    }

    /// <summary>The headers of a story, with some in place of those of the same names.</summary>
    private (string Key, string Value)[] Story(params (string Name, string Value)[] told)
    {
        (string Name, string Value)[] all =
        [
            ("attempt", "1"), ("due", "2020-01-01T00:00:00.000Z"), ("first_failure", "2020-01-01T00:00:00.000Z"), ("reason", "no"), ("topic", Topic),
            ("partition", "0"), ("offset", "0"),
        ];
        return [.. all.Where(one => told.All(other => other.Name != one.Name)).Concat(told).Select(one => ("retry." + one.Name, one.Value))];
    }
}

/// <summary>The same in JSON.</summary>
public sealed class GroupForgedStoryInJsonTests() : GroupForgedStoryTests(PollForm.Json);

/// <summary>The same in parts.</summary>
public sealed class GroupForgedStoryInPartsTests() : GroupForgedStoryTests(PollForm.Parts);
