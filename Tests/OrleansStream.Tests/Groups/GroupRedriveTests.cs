using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Groups;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Groups;

/// <summary>A redrive ends, whatever its topics hold and whatever becomes of them, and tells what it could not take back.</summary>
public sealed class GroupRedriveTests : RetryTests
{
    private const string SentAlong = "sent-along";

    private readonly SilentTopics _silent;
    private readonly Steps _steps;

    public GroupRedriveTests()
        : this(new SilentTopics(), new Steps())
    {
    }

    private GroupRedriveTests(SilentTopics silent, Steps steps)
        : base(
            DeadAtOnce, PollForm.Json,
            services => services.AddSingleton<IIncomingGrainCallFilter>(silent).AddSingleton<IIncomingGrainCallFilter>(steps)) =>
        (_silent, _steps) = (silent, steps);

    // A redrive may take days. Orleans sends a trace along in the same way.
    [Fact]
    public async Task Redrive_RunsOutsideOfTheCallThatBeginsIt()
    {
        await Client.DieAsync("a", "b");
        RequestContext.Set(SentAlong, "with the call that begins it");
        Assert.Null(await Api.Grains.GetGrain<IConsumerGroupGrain>(Client.Group).BeginRedriveAsync(new RedriveFilter(null, null, null)));
        RequestContext.Clear();

        await Client.RedrivenAsync();

        Assert.NotEmpty(_steps.SentAlong);
        Assert.All(_steps.SentAlong, Assert.Null);
    }

    [Fact]
    public async Task Redrive_WhenTheRetryTopicIsForSmallerRecords_KeepsWhatIsTooLargeAndTakesTheRest()
    {
        string large = new('x', 200);
        await Client.DieAsync("a", large, "b");
        await Client.MakeAsync(RetryTopic, """{"max.message.bytes":50}""");

        Assert.Equal((2, 1), await Client.RedriveAsync());
        var done = await Client.RedrivenAsync();
        Assert.Equal(["too_large 1"], RetryClient.ReasonsOf(done));
        Assert.Contains("max.message.bytes", (string?)done["not_redriven"]![0]!["detail"], StringComparison.Ordinal);
        Assert.Equal((0, 1), await Client.RedriveAsync("""{"reason":"no"}"""));

        await Client.AlterAsync(RetryTopic, """{"max.message.bytes":500}""");
        Assert.Equal((1, 0), await Client.RedriveAsync());
        Assert.Equal(["a", "b", large], (await Client.PollUntilAsync(3)).Select(one => one.Value).Order(StringComparer.Ordinal));
        Assert.Empty(await Client.PollAsync());
    }

    [Fact]
    public async Task Redrive_WhenTheDeadLettersTakeSmallerRecordsToo_LeavesThemAndLooksAtThemFirstTheNextTime()
    {
        string large = new('x', 20_000);
        await Client.DieAsync("a", large, "b");
        await Client.MakeAsync(RetryTopic, """{"max.message.bytes":50}""");
        await Client.AlterAsync(DeadLetters, """{"max.message.bytes":50}""");
        Assert.Equal((2, 1), await Client.RedriveAsync());
        Assert.Equal((0, 1), await Client.RedriveAsync());
        Assert.Equal(3, await Client.CountAsync(DeadLetters));

        await Client.AlterAsync(RetryTopic, """{"max.message.bytes":50000}""");
        Assert.Equal((1, 0), await Client.RedriveAsync());
        Assert.Equal((0, 0), await Client.RedriveAsync());
        Assert.Equal(["a", "b", large], (await Client.PollUntilAsync(3)).Select(one => one.Value).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Redrive_WhenTheRetryTopicDoesNotAnswer_GoesOnOnceItDoes()
    {
        await Client.DieAsync("a", "b");
        _silent.Names[RetryTopic] = true;
        await Api.PostAsync(Client.RedrivePath, "{}", 202);
        await _silent.UntilAskedAsync(RetryTopic);
        Time.Advance(TimeSpan.FromMinutes(2));
        await _silent.UntilAskedAsync(RetryTopic);
        Assert.Equal("running", (string?)(await Api.GetAsync(Client.RedrivePath))["state"]);

        _silent.Names.Clear();
        Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(2, (long)(await Client.RedrivenAsync())["redriven"]!);
        Assert.Equal(["a", "b"], (await Client.PollUntilAsync(2)).Select(one => one.Value).Order());
    }

    [Fact]
    public async Task Redrive_WhenTheRetryTopicDoesNotAnswerForLong_LeavesTheDeadLettersToTheNextOne()
    {
        await Client.DieAsync("a", "b");
        _silent.Names[RetryTopic] = true;
        await Api.PostAsync(Client.RedrivePath, "{}", 202);
        await Wait.UntilAsync("it is given up", async () =>
        {
            if (_silent.WasAsked(RetryTopic))
                Time.Advance(TimeSpan.FromMinutes(2));
            return (string?)(await Api.GetAsync(Client.RedrivePath))["state"] == "done";
        });
        var done = await Client.RedrivenAsync();
        Assert.Equal((0, 2), ((long)done["redriven"]!, (long)done["kept"]!));
        Assert.Equal(["unavailable 2"], RetryClient.ReasonsOf(done));

        _silent.Names.Clear();
        Assert.Equal((2, 0), await Client.RedriveAsync());
        Assert.Equal(["a", "b"], (await Client.PollUntilAsync(2)).Select(one => one.Value).Order());
        Assert.Empty(await Client.PollAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Redrive_WhenItsDeadLettersAreDeletedMeanwhile_EndsAndSaysSo(bool isMadeAnew)
    {
        await Client.DieAsync("a", "b");
        _silent.Names[RetryTopic] = true;
        await Api.PostAsync(Client.RedrivePath, "{}", 202);
        await _silent.UntilAskedAsync(RetryTopic);
        using (var deleted = await Api.Client.DeleteAsync($"/v1/topics/{DeadLetters}", TestContext.Current.CancellationToken))
            Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        if (isMadeAnew)
            await Client.MakeAsync(DeadLetters, "{}");
        _silent.Names.Clear();
        Time.Advance(TimeSpan.FromMinutes(1));
        var done = await Client.RedrivenAsync();
        Assert.Equal((0, 0, 2), ((long)done["redriven"]!, (long)done["kept"]!, (long)done["gone"]!));
        Assert.Equal(["deleted 2"], RetryClient.ReasonsOf(done));

        // The next ones are as any.
        await Client.DieAsync("c");
        Assert.Equal((1, 0), await Client.RedriveAsync());
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 7)]
    [InlineData(1, 5)]
    [InlineData(3, 20)]
    [InlineData(18, 20)]
    [InlineData(0, 20)]
    public async Task Redrive_WhenAPartOfTheDeadLettersIsDamaged_TakesAllOthersAndThoseOnceTheyAreMended(long offset, long endOffset)
    {
        await Client.DieAsync([.. Enumerable.Range(0, 20).Select(i => $"v{i}")]);
        _silent.Damaged[DeadLetters] = (offset, endOffset);
        Assert.Equal((20 - (endOffset - offset), endOffset - offset), await Client.RedriveAsync());
        Assert.Equal([$"unreadable {endOffset - offset}"], RetryClient.ReasonsOf(await Client.RedrivenAsync()));
        _silent.Damaged.Clear();
        Assert.Equal((endOffset - offset, 0), await Client.RedriveAsync());
        Assert.Equal(20, (await Client.PollUntilAsync(20)).Select(one => one.Value).Distinct().Count());
        Assert.Equal(20, await Client.CountAsync(RetryTopic));
    }

    [Fact]
    public async Task Redrive_WhenItIsStopped_LeavesTheRestToTheNextOneAndTakesNoneTwice()
    {
        string[] all = [.. Enumerable.Range(0, 700).Select(i => $"v{i}")];
        await Client.DieAsync(all);
        Assert.Equal("none", (string?)(await DeleteAsync())["state"]);
        await Api.PostAsync(Client.RedrivePath, "{}", 202);
        var stopped = await DeleteAsync();
        Assert.Equal("stopped", (string?)stopped["state"]);
        Assert.True((long)stopped["left"]! > 0);

        // Another filter need not wait for it, and nothing that its last step took is taken again.
        Assert.Equal(0, (await Client.RedriveAsync($$"""{"topic":"{{Topic}}"}""")).Kept);
        Assert.Equal(all.Length, await Client.CountAsync(RetryTopic));
        var back = await Client.PollUntilAsync(all.Length);
        Assert.Equal(all.Order(StringComparer.Ordinal), back.Select(one => one.Value).Order(StringComparer.Ordinal));
    }

    private async Task<JsonNode> DeleteAsync()
    {
        using var response = await Api.Client.DeleteAsync(Client.RedrivePath, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return JsonNode.Parse(await ApiFixture.TextAsync(response))!;
    }

    /// <summary>Notes what is sent along with each step of a redrive.</summary>
    private sealed class Steps : IIncomingGrainCallFilter
    {
        public ConcurrentQueue<object?> SentAlong { get; } = [];

        public Task Invoke(IIncomingGrainCallContext context)
        {
            if (context.MethodName == nameof(IGroupRetryGrain.RedriveAsync))
                SentAlong.Enqueue(RequestContext.Get(GroupRedriveTests.SentAlong));
            return context.Invoke();
        }
    }
}
