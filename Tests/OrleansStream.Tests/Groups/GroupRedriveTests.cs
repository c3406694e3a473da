using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Groups;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Groups;

/// <summary>A redrive ends, whatever its topics hold and whatever becomes of them, and tells what it could not take back.</summary>
public sealed class GroupRedriveTests : IAsyncLifetime
{
    private const string DeadAtOnce = """{"max_attempts":1}""";
    private readonly SkippingTime _time = new();
    private readonly SilentTopics _silent = new();
    private readonly ApiFixture _api;
    private string _topic = "";
    private RetryClient _client = null!;

    public GroupRedriveTests() => _api = new ApiFixture(_time, services => services.AddSingleton<IIncomingGrainCallFilter>(_silent));

    private string RetryTopic => RetryTopics.RetryOf(_topic, _client.Group);

    private string DeadLetters => RetryTopics.DeadLettersOf(_topic, _client.Group);

    public async ValueTask InitializeAsync()
    {
        await _api.InitializeAsync();
        _topic = await _api.CreateTopicAsync();
        _client = new RetryClient(_api, "crawlers", _topic);
        await _client.SetPolicyAsync(DeadAtOnce);
    }

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task Redrive_WhenTheRetryTopicIsForSmallerRecords_KeepsWhatIsTooLargeAndTakesTheRest()
    {
        string large = new('x', 200);
        await _client.DieAsync("a", large, "b");
        await _client.MakeAsync(RetryTopic, """{"max.message.bytes":50}""");

        Assert.Equal((2, 1), await _client.RedriveAsync());
        var done = await _client.RedrivenAsync();
        Assert.Equal(["too_large 1"], RetryClient.ReasonsOf(done));
        Assert.Contains("max.message.bytes", (string?)done["not_redriven"]![0]!["detail"], StringComparison.Ordinal);
        Assert.Equal((0, 1), await _client.RedriveAsync("""{"reason":"no"}"""));

        await _client.AlterAsync(RetryTopic, """{"max.message.bytes":500}""");
        Assert.Equal((1, 0), await _client.RedriveAsync());
        Assert.Equal(["a", "b", large], (await _client.PollUntilAsync(3)).Select(one => one.Value).Order(StringComparer.Ordinal));
        Assert.Empty(await _client.PollAsync());
    }

    [Fact]
    public async Task Redrive_WhenTheDeadLettersTakeSmallerRecordsToo_LeavesThemAndLooksAtThemFirstTheNextTime()
    {
        string large = new('x', 20_000);
        await _client.DieAsync("a", large, "b");
        await _client.MakeAsync(RetryTopic, """{"max.message.bytes":50}""");
        await _client.AlterAsync(DeadLetters, """{"max.message.bytes":50}""");
        Assert.Equal((2, 1), await _client.RedriveAsync());
        Assert.Equal((0, 1), await _client.RedriveAsync());
        Assert.Equal(3, await _client.CountAsync(DeadLetters));

        await _client.AlterAsync(RetryTopic, """{"max.message.bytes":50000}""");
        Assert.Equal((1, 0), await _client.RedriveAsync());
        Assert.Equal((0, 0), await _client.RedriveAsync());
        Assert.Equal(["a", "b", large], (await _client.PollUntilAsync(3)).Select(one => one.Value).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Redrive_WhenTheRetryTopicDoesNotAnswer_GoesOnOnceItDoes()
    {
        await _client.DieAsync("a", "b");
        _silent.Names[RetryTopic] = true;
        await _api.PostAsync(_client.RedrivePath, "{}", 202);
        await _silent.UntilAskedAsync(RetryTopic);
        _time.Advance(TimeSpan.FromMinutes(2));
        await _silent.UntilAskedAsync(RetryTopic);
        Assert.Equal("running", (string?)(await _api.GetAsync(_client.RedrivePath))["state"]);

        _silent.Names.Clear();
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(2, (long)(await _client.RedrivenAsync())["redriven"]!);
        Assert.Equal(["a", "b"], (await _client.PollUntilAsync(2)).Select(one => one.Value).Order());
    }

    [Fact]
    public async Task Redrive_WhenTheRetryTopicDoesNotAnswerForLong_LeavesTheDeadLettersToTheNextOne()
    {
        await _client.DieAsync("a", "b");
        _silent.Names[RetryTopic] = true;
        await _api.PostAsync(_client.RedrivePath, "{}", 202);
        await Wait.UntilAsync("it is given up", async () =>
        {
            if (_silent.WasAsked(RetryTopic))
                _time.Advance(TimeSpan.FromMinutes(2));
            return (string?)(await _api.GetAsync(_client.RedrivePath))["state"] == "done";
        });
        var done = await _client.RedrivenAsync();
        Assert.Equal((0, 2), ((long)done["redriven"]!, (long)done["kept"]!));
        Assert.Equal(["unavailable 2"], RetryClient.ReasonsOf(done));

        _silent.Names.Clear();
        Assert.Equal((2, 0), await _client.RedriveAsync());
        Assert.Equal(["a", "b"], (await _client.PollUntilAsync(2)).Select(one => one.Value).Order());
        Assert.Empty(await _client.PollAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Redrive_WhenItsDeadLettersAreDeletedMeanwhile_EndsAndSaysSo(bool isMadeAnew)
    {
        await _client.DieAsync("a", "b");
        _silent.Names[RetryTopic] = true;
        await _api.PostAsync(_client.RedrivePath, "{}", 202);
        await _silent.UntilAskedAsync(RetryTopic);
        using (var deleted = await _api.Client.DeleteAsync($"/v1/topics/{DeadLetters}", TestContext.Current.CancellationToken))
            Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        if (isMadeAnew)
            await _client.MakeAsync(DeadLetters, "{}");
        _silent.Names.Clear();
        _time.Advance(TimeSpan.FromMinutes(1));
        var done = await _client.RedrivenAsync();
        Assert.Equal((0, 0, 2), ((long)done["redriven"]!, (long)done["kept"]!, (long)done["gone"]!));
        Assert.Equal(["deleted 2"], RetryClient.ReasonsOf(done));

        // The next ones are as any.
        await _client.DieAsync("c");
        Assert.Equal((1, 0), await _client.RedriveAsync());
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
        await _client.DieAsync([.. Enumerable.Range(0, 20).Select(i => $"v{i}")]);
        _silent.Damaged[DeadLetters] = (offset, endOffset);
        Assert.Equal((20 - (endOffset - offset), endOffset - offset), await _client.RedriveAsync());
        Assert.Equal([$"unreadable {endOffset - offset}"], RetryClient.ReasonsOf(await _client.RedrivenAsync()));
        _silent.Damaged.Clear();
        Assert.Equal((endOffset - offset, 0), await _client.RedriveAsync());
        Assert.Equal(20, (await _client.PollUntilAsync(20)).Select(one => one.Value).Distinct().Count());
        Assert.Equal(20, await _client.CountAsync(RetryTopic));
    }

    [Fact]
    public async Task Redrive_WhenItIsStopped_LeavesTheRestToTheNextOneAndTakesNoneTwice()
    {
        string[] all = [.. Enumerable.Range(0, 700).Select(i => $"v{i}")];
        await _client.DieAsync(all);
        Assert.Equal("none", (string?)(await DeleteAsync())["state"]);
        await _api.PostAsync(_client.RedrivePath, "{}", 202);
        var stopped = await DeleteAsync();
        Assert.Equal("stopped", (string?)stopped["state"]);
        Assert.True((long)stopped["left"]! > 0);

        // Another filter need not wait for it, and nothing that its last step took is taken again.
        Assert.Equal(0, (await _client.RedriveAsync($$"""{"topic":"{{_topic}}"}""")).Kept);
        Assert.Equal(all.Length, await _client.CountAsync(RetryTopic));
        var back = await _client.PollUntilAsync(all.Length);
        Assert.Equal(all.Order(StringComparer.Ordinal), back.Select(one => one.Value).Order(StringComparer.Ordinal));
    }

    private async Task<JsonNode> DeleteAsync()
    {
        using var response = await _api.Client.DeleteAsync(_client.RedrivePath, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return JsonNode.Parse(await ApiFixture.TextAsync(response))!;
    }
}
