using System.Text.Json.Nodes;
using OrleansStream.Groups;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Groups;

/// <summary>Records that fail: tried again when it is said, dead in the end, and back when somebody asks for them.</summary>
public abstract class GroupRetryTests : RetryTests
{
    private const string Policy = """{"max_attempts":3,"backoff_ms":[60000,600000]}""";

    protected GroupRetryTests(PollForm form)
        : base(Policy, form)
    {
    }

    [Fact]
    public async Task Failed_WhenARecordIsPoison_IsTriedAsOftenAsSaidThenDeadAndComesBackByRedrive()
    {
        await Client.ProduceAsync("good 1", "poison", "good 2");
        var first = await Client.PollAsync();
        Assert.Equal(["good 1", "poison", "good 2"], first.Select(one => one.Value));
        var started = Time.GetUtcNow();

        // The others go on, and it does not come before its time.
        Assert.Empty(await Client.PollAsync((first[1], "503")));
        await Client.ProduceAsync("good 3");
        Assert.Equal("good 3", Assert.Single(await Client.PollUntilAsync()).Value);
        Time.Advance(TimeSpan.FromSeconds(50));
        Assert.Empty(await Client.PollAsync());

        Time.Advance(TimeSpan.FromSeconds(10));
        var second = Assert.Single(await Client.PollUntilAsync());
        Assert.Equal(("poison", 2), (second.Value, second.Attempt));
        Assert.Equal((Topic, 1), ((string)second.Record["origin"]!["topic"]!, (long)second.Record["origin"]!["offset"]!));
        Assert.Empty(await Client.PollAsync((second, "timeout")));
        Time.Advance(TimeSpan.FromSeconds(590));
        Assert.Empty(await Client.PollAsync());
        Time.Advance(TimeSpan.FromSeconds(10));
        var third = Assert.Single(await Client.PollUntilAsync());
        Assert.Equal(3, third.Attempt);
        Assert.Empty(await Client.PollAsync((third, "gone")));

        var dead = (await Api.GetAsync($"/v1/topics/{DeadLetters}/partitions/0/records"))["records"]!.AsArray().Single()!;
        Assert.Equal("poison", (string?)dead["value"]);
        Assert.Equal(
            ("3", "gone", Topic, "1"),
            (RetryClient.HeaderOf(dead, "retry.attempt"), RetryClient.HeaderOf(dead, "retry.reason"), RetryClient.HeaderOf(dead, "retry.topic"), RetryClient.HeaderOf(dead, "retry.offset")));
        Assert.InRange(DateTimeOffset.Parse(RetryClient.HeaderOf(dead, "retry.first_failure")!), started.AddSeconds(-1), started.AddSeconds(50));
        Time.Advance(TimeSpan.FromDays(1));
        Assert.Empty(await Client.PollAsync());
        Assert.Equal(0, (long)(await Api.GetAsync($"/v1/groups/{Client.Group}/lag"))["lag"]!);

        Assert.Equal((1, 0), await Client.RedriveAsync());
        var back = Assert.Single(await Client.PollUntilAsync());
        Assert.Equal(("poison", 1), (back.Value, back.Attempt));
        Assert.Empty(await Client.PollAsync());
        Assert.Equal((0, 0), await Client.RedriveAsync());
    }

    [Fact]
    public async Task Failed_WhenThePollIsRepeated_IsKeptOnce()
    {
        // The first one makes the retry topic, which the member is given: with that its epoch changes.
        await Client.ProduceAsync("first");
        await Client.PollAsync((Assert.Single(await Client.PollAsync()), "503"));
        await Client.ProduceAsync("poison", "good");
        var second = await Client.PollUntilAsync();
        await Client.PollAsync((second[0], "503"));
        await Client.RepeatAsync();
        await Client.RepeatAsync();
        Assert.Equal(["first 2", "poison 2"], await Client.ReadAsync(RetryTopic, "retry.attempt"));
        Assert.Equal(3, await CommittedAsync());
    }

    [Fact]
    public async Task Failed_WhenTheServerDiedBetweenCopyAndCommit_IsDeliveredAgainAndKeptOnce()
    {
        await Client.ProduceAsync("poison", "good");
        var first = await Client.PollAsync();
        await CopyAsync(first[0]);
        Assert.Null(await CommittedAsync());

        Client.Restart();
        var again = await Client.PollAsync();
        Assert.Equal(["poison", "good"], again.Select(one => one.Value));
        await Client.PollAsync((again[0], "503"));
        Assert.Equal(["poison 2"], await Client.ReadAsync(RetryTopic, "retry.attempt"));
        Assert.Equal(2, await CommittedAsync());
    }

    [Fact]
    public async Task Failed_WhenTheServerDiedBetweenDeadLetterAndCommit_IsKeptOnce()
    {
        await Client.SetPolicyAsync("""{"max_attempts":1}""");
        await Client.ProduceAsync("poison");
        var first = Assert.Single(await Client.PollAsync());
        await CopyAsync(first, attempts: 1);
        Client.Restart();
        await Client.PollAsync((Assert.Single(await Client.PollAsync()), "503"));
        Assert.Equal(["poison 1"], await Client.ReadAsync(DeadLetters, "retry.attempt"));
    }

    [Fact]
    public async Task Redrive_WhenThereIsAFilter_TakesWhatMatchesAndKeepsTheRest()
    {
        await Client.SetPolicyAsync("""{"max_attempts":1}""");
        await Client.ProduceAsync("a", "b", "c");
        var first = await Client.PollAsync();
        await Client.PollAsync((first[0], "timeout"), (first[1], "broken"), (first[2], "timeout"));
        var dead = await Client.ReadAsync(DeadLetters, "retry.reason");
        Assert.Equal(["a timeout", "b broken", "c timeout"], dead.Order());

        Assert.Equal((2, 1), await Client.RedriveAsync("""{"reason":"time"}"""));
        Assert.Equal(["a", "c"], (await Client.PollUntilAsync(2)).Select(one => one.Value).Order());
        Assert.Equal((1, 0), await Client.RedriveAsync());
        Assert.Equal("b", Assert.Single(await Client.PollUntilAsync()).Value);
        Assert.Equal((0, 0), await Client.RedriveAsync());
        Assert.Empty(await Client.PollAsync());
    }

    [Fact]
    public async Task Redrive_WhenAServerDiedBeforeItsProgressWasNoted_TakesNoneTwice()
    {
        await Client.SetPolicyAsync("""{"max_attempts":1}""");
        await Client.ProduceAsync("a", "b");
        var first = await Client.PollAsync();
        await Client.PollAsync((first[0], "503"), (first[1], "503"));

        // The step that was done and not noted.
        var topic = (await Api.Grains.GetGrain<ITopicGrain>(DeadLetters).GetAsync()).Topic!;
        var policy = new GroupRetryPolicy(1, [], 0, InPlace: false, DeadLetterTopic: null);
        var step = new RedriveStep(DeadLetters, topic.Id, 0, 2, new RedriveFilter(null, null, null), policy);
        Assert.Equal(2, (await Api.Grains.GetGrain<IGroupRetryGrain>(Client.Group).RedriveAsync(step)).RedrivenCount);
        Assert.Equal((2, 0), await Client.RedriveAsync());
        Assert.Equal(["a 1", "b 1"], (await Client.ReadAsync(RetryTopic, "retry.attempt")).Order());
        Assert.Equal(["a", "b"], (await Client.PollUntilAsync(2)).Select(one => one.Value).Order());
        Assert.Empty(await Client.PollAsync());
    }

    [Fact]
    public async Task Failed_WhenTheKeyKeepsItsOrder_HoldsItsLaterRecordsAndNoOthers()
    {
        await Client.SetPolicyAsync("""{"retry":"in_place","max_attempts":3,"backoff_ms":[60000,600000]}""");
        await Client.ProduceAsync(("a", "a1"), ("b", "b1"), ("a", "a2"), (null, "n1"));
        var first = await Client.PollAsync();
        Assert.Equal(["a1", "b1", "a2", "n1"], first.Select(one => one.Value));

        // a2 was in the same answer: it waits with a1. So do those that come later, and nobody else.
        Assert.Empty(await Client.PollAsync((first[0], "503")));
        await Client.ProduceAsync(("a", "a3"), ("b", "b2"), (null, "n2"), ("a", "a4"));
        Assert.Equal(["b2", "n2"], (await Client.PollUntilAsync(2)).Select(one => one.Value));
        Assert.Empty(await Client.PollAsync());
        Assert.Equal(8, await CommittedAsync());

        // Another process is told the same, as nothing of it is the member's own.
        Client.Restart();
        Assert.Empty(await Client.PollAsync());
        Time.Advance(TimeSpan.FromSeconds(61));
        var second = Assert.Single(await Client.PollUntilAsync());
        Assert.Equal(("a1", 2, Topic), (second.Value, second.Attempt, second.Topic));
        Assert.Empty(await Client.PollAsync((second, "503")));
        await Client.RepeatAsync();
        Time.Advance(TimeSpan.FromSeconds(590));
        Assert.Empty(await Client.PollAsync());
        Time.Advance(TimeSpan.FromSeconds(11));
        var third = Assert.Single(await Client.PollUntilAsync());
        Assert.Equal(("a1", 3), (third.Value, third.Attempt));

        // Dead: the next of its key is due at once, one after the other.
        var next = await Client.PollAsync((third, "gone"));
        Assert.Equal(["a2"], next.Select(one => one.Value));
        Assert.Equal(["a3"], (await Client.PollAsync()).Select(one => one.Value));
        Assert.Equal(["a4"], (await Client.PollAsync()).Select(one => one.Value));
        Assert.Empty(await Client.PollAsync());
        await Client.ProduceAsync(("a", "a5"));
        Assert.Equal(["a5"], (await Client.PollUntilAsync()).Select(one => one.Value));
        Assert.Equal(["a1 3"], await Client.ReadAsync(DeadLetters, "retry.attempt"));
    }

    [Fact]
    public async Task Failed_WhenItIsNoneOfTheAnswers_IsRefusedAndNothingIsCommitted()
    {
        await Client.ProduceAsync("a", "b");
        var first = await Client.PollAsync();
        var poll = new JsonObject
        {
            ["topics"] = new JsonArray(Topic), ["cursor"] = await CursorAsync(),
            ["failed"] = new JsonArray(new JsonObject { ["topic"] = Topic, ["partition"] = 0, ["offset"] = 2 }),
        };
        var refused = await Form.PollAsync(Api, $"/v1/groups/{Client.Group}/members/m/poll", poll.ToJsonString(), 400);
        Assert.Equal("failed[0]", (string?)refused["field"]);
        Assert.Null(await CommittedAsync());
        Assert.Equal(2, first.Count);
    }

    [Fact]
    public async Task Failed_WhenTheGroupHasNoPolicy_SaysHowToGiveItOne()
    {
        var client = new RetryClient(Api, "without", Topic, Form);
        await client.ProduceAsync("a");
        var first = await client.PollAsync();
        var failed = await Assert.ThrowsAnyAsync<Exception>(() => client.PollAsync((first[0], "x")));
        Assert.Contains("Group 'without' has no retry policy. PUT /v1/groups/without gives it one.", failed.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"max_attempts":0}""", "max_attempts")]
    [InlineData("""{"max_attempts":21}""", "max_attempts")]
    [InlineData("""{"backoff_ms":[-1]}""", "backoff_ms[0]")]
    [InlineData("""{"backoff_ms":[1],"backoff":{}}""", "backoff")]
    [InlineData("""{"backoff":{"multiplier":0.5}}""", "backoff.multiplier")]
    [InlineData("""{"jitter":2}""", "jitter")]
    [InlineData("""{"retry":"never"}""", "retry")]
    [InlineData("""{"dead_letter_topic":"a b"}""", "dead_letter_topic")]
    [InlineData("""{"attempts":3}""", "attempts")]
    public async Task PutGroup_WhenThePolicyIsMalformed_NamesTheField(string policy, string field)
    {
        using var response = await Api.Client.PutAsync($"/v1/groups/{Client.Group}", ApiFixture.Json(policy), TestContext.Current.CancellationToken);
        Assert.Equal(400, (int)response.StatusCode);
        Assert.Equal(field, (string?)JsonNode.Parse(await ApiFixture.TextAsync(response))!["field"]);
    }

    [Fact]
    public async Task PutGroup_WhenItsTopicsCouldBeAnotherGroups_IsRefused()
    {
        using var response = await Api.Client.PutAsync("/v1/groups/b.x", ApiFixture.Json(Policy), TestContext.Current.CancellationToken);
        Assert.Equal(400, (int)response.StatusCode);
        Assert.Equal("group", (string?)JsonNode.Parse(await ApiFixture.TextAsync(response))!["field"]);
    }

    [Fact]
    public async Task PutGroup_WhenWaitsGrow_ShowsThemOnGet()
    {
        await Client.SetPolicyAsync("""{"max_attempts":5,"backoff":{"initial_ms":100,"multiplier":3,"max_ms":1000},"jitter":0.2,"dead_letter_topic":"graves"}""");
        var policy = (await Api.GetAsync($"/v1/groups/{Client.Group}"))["retry_policy"]!;
        Assert.Equal([100, 300, 900, 1000], policy["backoff_ms"]!.AsArray().Select(wait => (int)wait!));
        Assert.Equal(("topic", 5, 0.2, "graves"), ((string)policy["retry"]!, (int)policy["max_attempts"]!, (double)policy["jitter"]!, (string)policy["dead_letter_topic"]!));
    }

    private async Task CopyAsync(Delivery delivery, int attempts = 3)
    {
        var topic = (await Api.Grains.GetGrain<ITopicGrain>(delivery.Topic).GetAsync()).Topic!;
        var policy = new GroupRetryPolicy(attempts, [60_000], 0, InPlace: false, DeadLetterTopic: null);
        Assert.Null(await Api.Grains.GetGrain<IGroupRetryGrain>(Client.Group).MoveAsync(
            policy, [new FailedRecord(delivery.Topic, topic.Id, delivery.Partition, delivery.Offset, "503")]));
    }

    private async Task<string> CursorAsync() => (string)(await Form.PollAsync(
        Api, $"/v1/groups/{Client.Group}/members/m/poll", $$"""{"topics":["{{Topic}}"]}"""))["cursor"]!;

    private async Task<long?> CommittedAsync() => (long?)(await Api.GetAsync($"/v1/groups/{Client.Group}/offsets"))["offsets"]!.AsArray()
        .SingleOrDefault(offset => (string)offset!["topic"]! == Topic)?["offset"];
}

/// <summary>The same in JSON.</summary>
public sealed class GroupRetryInJsonTests() : GroupRetryTests(PollForm.Json);

/// <summary>The same in parts.</summary>
public sealed class GroupRetryInPartsTests() : GroupRetryTests(PollForm.Parts);
