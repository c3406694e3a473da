using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Groups;
using OrleansStream.Records;
using OrleansStream.Rest.Http;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Groups;

/// <summary>The topics that a group makes for records that fail: the largest records have room, and what a deletion takes.</summary>
public abstract class GroupRetryTopicTests(ApiFixture api, PollForm form)
{
    private const string DeadAtOnce = """{"max_attempts":1}""";

    // With a reason of this length a copy is well above the largest record.
    private static readonly string Reason = new('r', GroupLimits.ReasonLengthMax);

    [Theory]
    [InlineData(DeadAtOnce, ".dlq")]
    [InlineData("""{"max_attempts":3,"backoff_ms":[3600000]}""", ".retry")]
    public async Task Failed_WhenTheRecordIsAsLargeAsAnyMayBe_IsCopied(string policy, string suffix)
    {
        var topic = await api.CreateTopicAsync(1, $$"""{"max.message.bytes":{{TopicLimits.MessageBytesMax}}}""");
        var client = await ClientAsync(topic, policy);
        await client.ProduceAsync(new string('x', TopicLimits.MessageBytesMax - 2));
        await client.PollAsync((Assert.Single(await client.PollAsync()), Reason));

        var copy = await OnlyRecordAsync($"{topic}.{client.Group}{suffix}");
        Assert.Equal(TopicLimits.MessageBytesMax - 2, ((string)copy["value"]!).Length);
        Assert.Equal(Reason, RetryClient.HeaderOf(copy, "retry.reason"));
        await client.ProduceAsync("next");
        Assert.Equal("next", Assert.Single(await client.PollUntilAsync()).Value);
    }

    [Fact]
    public async Task Failed_WhenTheRecordUnfoldsToMoreThanAnyMayHave_IsCopiedAsItCame()
    {
        const int Length = 8 * 1024 * 1024;
        var topic = await api.CreateTopicAsync();
        var client = await ClientAsync(topic, DeadAtOnce);
        using (var writer = new RecordBatchWriter())
        {
            writer.Reset(new RecordBatchOptions { Compression = CompressionType.Zstd });
            writer.Append(1_000_000, "key"u8, hasKey: true, Encoding.ASCII.GetBytes(new string('x', Length)), hasValue: true);
            writer.Finish();
            using var stored = await api.PostAsync(
                $"/v1/topics/{topic}/partitions/0/records", ApiFixture.Body(writer.ToArray(), MediaTypes.RecordBatch));
            Assert.Equal(HttpStatusCode.OK, stored.StatusCode);
        }

        await client.PollAsync((Assert.Single(await client.PollAsync()), "no"));
        var copy = await OnlyRecordAsync(RetryTopics.DeadLettersOf(topic, client.Group));
        Assert.Equal(new string('x', Length), (string?)copy["value"]);
        Assert.Equal((1, 0), await client.RedriveAsync());
        Assert.Equal(Length, Assert.Single(await client.PollUntilAsync()).Value.Length);
    }

    [Fact]
    public async Task Failed_WhenTheTopicOfDeadLettersIsForSmallerRecords_GoesToTheOneOfTheGroupAndComesBackFromBoth()
    {
        var graves = await api.CreateTopicAsync(1, """{"max.message.bytes":50}""");
        var topic = await api.CreateTopicAsync();
        var client = await ClientAsync(topic, $$"""{"max_attempts":1,"dead_letter_topic":"{{graves}}"}""");
        string large = new('x', 100);
        await client.ProduceAsync("small", large);
        var first = await client.PollAsync();
        await client.PollAsync((first[0], "no"), (first[1], "no"));

        Assert.Equal("small", (string?)(await OnlyRecordAsync(graves))["value"]);
        Assert.Equal(large, (string?)(await OnlyRecordAsync(RetryTopics.DeadLettersOf(topic, client.Group)))["value"]);
        Assert.Equal((2, 0), await client.RedriveAsync());
        Assert.Equal([large, "small"], (await client.PollUntilAsync(2)).Select(one => one.Value).OrderByDescending(value => value.Length));
    }

    [Fact]
    public async Task Failed_WhenNoTopicTakesTheCopy_SaysSoAndTheMemberCanGoOn()
    {
        var topic = await api.CreateTopicAsync();
        var client = await ClientAsync(topic, DeadAtOnce);
        await client.ProduceAsync("12345", new string('x', 100));
        var first = await client.PollAsync();
        await client.PollAsync((first[0], "no"));
        using var altered = await api.Client.PatchAsync(
            $"/v1/topics/{RetryTopics.DeadLettersOf(topic, client.Group)}", ApiFixture.Json("""{"config":{"max.message.bytes":"5"}}"""),
            TestContext.Current.CancellationToken);
        Assert.True(altered.IsSuccessStatusCode, await ApiFixture.TextAsync(altered));
        await client.ProduceAsync(new string('y', 20_000), "next");
        first = await client.PollUntilAsync(2);

        var refused = await Assert.ThrowsAnyAsync<Exception>(() => client.PollAsync((first[0], "no")));
        Assert.Contains("MESSAGE_TOO_LARGE", refused.Message, StringComparison.Ordinal);
        Assert.Contains("poll again without reporting it", refused.Message, StringComparison.Ordinal);
        Assert.Empty(await client.PollAsync());
        await client.ProduceAsync("after");
        Assert.Equal("after", Assert.Single(await client.PollUntilAsync()).Value);
    }

    [Fact]
    public async Task Delete_WhenRecordsWait_TakesThemWithTheGroupAndLeavesDeadLetters()
    {
        var topic = await api.CreateTopicAsync();
        var client = await ClientAsync(topic, """{"max_attempts":2,"backoff_ms":[0]}""");
        await client.ProduceAsync("dead");
        // It may come again with the very answer to the poll that failed it.
        var again = await client.PollAsync((Assert.Single(await client.PollAsync()), "no"));
        await client.PollAsync((Assert.Single(again.Count > 0 ? again : await client.PollUntilAsync()), "no"));
        await client.SetPolicyAsync("""{"max_attempts":2,"backoff_ms":[3600000]}""");
        await client.ProduceAsync("waits");
        await client.PollAsync((Assert.Single(await client.PollUntilAsync()), "no"));
        var retry = RetryTopics.RetryOf(topic, client.Group);
        var dead = RetryTopics.DeadLettersOf(topic, client.Group);
        Assert.Equal(["dead 2", "waits 2"], (await client.ReadAsync(retry, "retry.attempt")).Order());

        // While it has members nothing is taken.
        Assert.Equal(HttpStatusCode.Conflict, await DeleteAsync($"/v1/groups/{client.Group}"));
        Assert.Equal(2, (await client.ReadAsync(retry, "retry.attempt")).Length);

        Assert.Equal(HttpStatusCode.NoContent, await DeleteAsync($"/v1/groups/{client.Group}/members/m"));
        Assert.Equal(HttpStatusCode.NoContent, await DeleteAsync($"/v1/groups/{client.Group}"));
        await api.GetAsync($"/v1/topics/{retry}", 404);
        Assert.Equal(["dead 2"], await client.ReadAsync(dead, "retry.attempt"));

        // One of the same name begins anew, and may take the dead letters back.
        client.Restart();
        await client.SetPolicyAsync("""{"max_attempts":2,"backoff_ms":[0]}""");
        Assert.Equal(["dead", "waits"], (await client.PollUntilAsync(2)).Select(one => one.Value));
        Assert.Equal((1, 0), await client.RedriveAsync());
        Assert.Equal("dead", Assert.Single(await client.PollUntilAsync()).Value);
    }

    private async Task<RetryClient> ClientAsync(string topic, string policy)
    {
        var client = new RetryClient(api, "of-" + topic, topic, form);
        await client.SetPolicyAsync(policy);
        return client;
    }

    private async Task<JsonNode> OnlyRecordAsync(string topic) =>
        Assert.Single((await api.GetAsync($"/v1/topics/{topic}/partitions/0/records"))["records"]!.AsArray())!;

    private async Task<HttpStatusCode> DeleteAsync(string path)
    {
        using var response = await api.Client.DeleteAsync(path, TestContext.Current.CancellationToken);
        return response.StatusCode;
    }
}

/// <summary>The same in JSON.</summary>
[Collection(ApiTests.Name)]
public sealed class GroupRetryTopicInJsonTests(ApiFixture api) : GroupRetryTopicTests(api, PollForm.Json);

/// <summary>The same in parts.</summary>
[Collection(ApiTests.Name)]
public sealed class GroupRetryTopicInPartsTests(ApiFixture api) : GroupRetryTopicTests(api, PollForm.Parts);
