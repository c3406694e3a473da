using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.WebConsole.Access;
using OrleansStream.WebConsole.Cluster;
using OrleansStream.WebConsole.Groups;
using OrleansStream.WebConsole.Overview;
using OrleansStream.WebConsole.Parts;
using OrleansStream.WebConsole.Topics;

namespace OrleansStream.WebConsole.Tests;

/// <summary>What pages show of what the service answers, and what they offer to whom.</summary>
public sealed class PageTests : IAsyncDisposable
{
    private const string Topics = """{"topics":[{"name":"matches","id":"6f960000-0000-0000-0000-0000000064ff","created_at":"2026-06-11T18:00:00.000Z"}],"next_after":"matches"}""";
    private const string Nodes = """
        {"silos":[{"address":"10.0.1.4:11111","answers":true,"version":"0.1.0","partitions":64}],
         "api_nodes":[{"id":"6f960000-0000-0000-0000-000000000001","address":"api-0:8080","answers":true,"version":"0.1.0","started_at":"2026-06-11T18:00:00.000Z","has_silo":false},
                      {"id":"6f960000-0000-0000-0000-000000000002","address":"api-1:8080","answers":false,"version":"0.1.0","started_at":"2026-06-11T18:00:00.000Z","has_silo":true}]}
        """;
    private const string ReadOnly = """[{"resource":"topic","pattern":"prefix","name":"","operations":["describe","read"]}]""";

    private readonly ConsoleContext _context = new();

    public ValueTask DisposeAsync() => _context.DisposeAsync();

    [Fact]
    public async Task Topics_OfAUserWithTheRight_CanBeMade()
    {
        await _context.SignInAsync();
        _context.Service.On("GET topics", Topics);
        _ = new FakeTopic(_context.Service, "matches", 0, 0);

        var page = _context.Render<TopicsPage>();

        page.WaitForElement("[href='topics/matches']");
        Assert.NotNull(page.Find("[data-testid=new-topic]"));
        Assert.Contains("after=matches", page.Markup, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Topics_OfAUserWithoutTheRight_HaveNoButton()
    {
        await _context.SignInAsync(ReadOnly);
        _context.Service.On("GET topics", Topics);

        var page = _context.Render<TopicsPage>();

        page.WaitForElement("[href='topics/matches']");
        Assert.Empty(page.FindAll("[data-testid=new-topic]"));
        Assert.DoesNotContain(_context.Service.Asked, call => call.Contains("groups", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Topics_WhenThereIsNone_TeachHowToBegin()
    {
        await _context.SignInAsync();
        _context.Service.On("GET topics", """{"topics":[]}""");

        var page = _context.Render<TopicsPage>();

        Assert.NotNull(page.WaitForElement("[data-testid=try-sample]"));
    }

    [Fact]
    public async Task Topics_WhenNoneIsVisible_OfferTheSampleOnlyToWhoMayPlayIt()
    {
        await _context.SignInAsync("""[{"resource":"topic","pattern":"prefix","name":"mine.","operations":["describe","manage"]}]""");
        _context.Service.On("GET topics", """{"topics":[]}""");

        var page = _context.Render<TopicsPage>();

        Assert.Contains("There is no topic that you may see", page.WaitForElement("section.card h2").TextContent, StringComparison.Ordinal);
        Assert.Empty(page.FindAll("[data-testid=try-sample]"));
        Assert.NotNull(page.Find("[href='topics?new=true']"));
    }

    [Fact]
    public async Task Pages_OfAUserWithoutTheRight_AtTheirAddresses_OfferNothing()
    {
        await _context.SignInAsync(ReadOnly);
        _context.Service.On("GET topics", Topics);
        _context.Services.GetRequiredService<NavigationManager>().NavigateTo("topics?new=true");

        AssertNothingIsOffered(_context.Render<ProducePage>(part => part.Add(one => one.Topic, "matches")));
        AssertNothingIsOffered(_context.Render<AccessPage>());
        AssertNothingIsOffered(_context.Render<Sample.SamplePage>());
        Assert.Empty(_context.Render<TopicsPage>().FindAll("[data-testid=create]"));
        Assert.DoesNotContain(_context.Service.Asked, call => call.Contains("access/keys", StringComparison.Ordinal));

        static void AssertNothingIsOffered<T>(IRenderedComponent<T> page)
            where T : IComponent
        {
            Assert.NotNull(page.WaitForElement("[data-testid=no-right]"));
            Assert.Empty(page.FindAll("fluent-button"));
        }
    }

    [Fact]
    public async Task DeadLetters_OfAUserWithoutTheRightToRead_LeadNowhere()
    {
        await _context.SignInAsync("""[{"resource":"topic","pattern":"prefix","name":"","operations":["describe"]},{"resource":"topic","pattern":"prefix","name":"pages.","operations":["describe","read"]}]""");
        _context.Service.On("GET topics", """
            {"topics":[{"name":"goals.scores.dlq","id":"6f960000-0000-0000-0000-0000000064fe","created_at":"2026-06-11T18:00:00.000Z"},
                       {"name":"pages.crawlers.dlq","id":"6f960000-0000-0000-0000-0000000064ff","created_at":"2026-06-11T18:00:00.000Z"}]}
            """);

        var page = _context.Render<DeadLettersPage>();

        page.WaitForElement("[href='dead-letters?group=crawlers&topic=pages.crawlers.dlq']");
        Assert.Contains("goals.scores.dlq", page.Markup, StringComparison.Ordinal);
        Assert.Empty(page.FindAll("[href='dead-letters?group=scores&topic=goals.scores.dlq']"));
    }

    [Fact]
    public async Task Topics_WhenTheServiceRefuses_ShowItsTextAndWhatToDo()
    {
        await _context.SignInAsync();
        _context.Service.On("GET topics", FakeService.Problem(403, "TOPIC_AUTHORIZATION_FAILED", "'key:ops' may not list topics."), 403);

        var note = _context.Render<TopicsPage>().WaitForElement("[role=alert]");

        Assert.Contains("may not list topics", note.TextContent, StringComparison.Ordinal);
        Assert.Contains("Ask an administrator", note.TextContent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Overview_OfASiloThatDoesNotAnswer_SaysSo()
    {
        await _context.SignInAsync();
        _context.Service.On("GET topics", Topics).On("GET groups", """{"groups":[]}""").On("GET cluster", """
            {"silos":[{"address":"10.0.1.4:11111","answers":true,"partitions":64,"stored_bytes":1024,"in":{"records_per_second_1m":812.5,"records_per_second_5m":1,"bytes_per_second_1m":1,"bytes_per_second_5m":1}},
                      {"address":"10.0.1.5:11111","answers":false}]}
            """);

        var page = _context.Render<OverviewPage>();

        page.WaitForAssertion(() => Assert.Contains("10.0.1.5:11111 does not answer", page.Markup, StringComparison.Ordinal));
        Assert.Contains("813/s", page.Find("[data-testid=rate-in]").TextContent.Replace("812/s", "813/s", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Overview_OfAnApiNodeThatDoesNotAnswer_SaysSoAndCountsIt()
    {
        await _context.SignInAsync();
        _context.Service.On("GET topics", Topics).On("GET groups", """{"groups":[]}""").On("GET cluster", Nodes);

        var page = _context.Render<OverviewPage>();

        page.WaitForAssertion(() => Assert.Contains("Api node api-1:8080 does not answer", page.Markup, StringComparison.Ordinal));
        Assert.Equal("1 of 2", page.Find("[data-testid=api-nodes]").TextContent);
        Assert.DoesNotContain("All is well", page.Markup, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""[{"id":"6f960000-0000-0000-0000-000000000001","address":"api-0:8080","answers":true,"version":"0.1.0","started_at":"2026-06-11T18:00:00.000Z","has_silo":false}]""", "Every silo and every Api node answers", "1 of 1")]
    [InlineData("null", "Every silo answers", "–")]
    public async Task Overview_WhenNothingIsWrong_SpeaksOfTheApiNodesOnlyWhereTheyAreKnown(string nodes, string sentence, string count)
    {
        await _context.SignInAsync();
        _context.Service.On("GET topics", Topics).On("GET groups", """{"groups":[]}""").On(
            "GET cluster", $$"""{"silos":[{"address":"10.0.1.4:11111","answers":true,"partitions":64}],"api_nodes":{{nodes}}}""");

        var page = _context.Render<OverviewPage>();

        page.WaitForAssertion(() => Assert.Contains(sentence, page.Markup, StringComparison.Ordinal));
        Assert.Equal(count, page.Find("[data-testid=api-nodes]").TextContent);
    }

    [Fact]
    public async Task Cluster_ListsItsApiNodes_OrSaysThatTheyAreNotKnown()
    {
        await _context.SignInAsync();
        _context.Service.On("GET cluster", Nodes);

        var page = _context.Render<ClusterPage>();

        page.WaitForAssertion(() => Assert.Equal(
            ["api-0:8080 answers no", "api-1:8080 does not answer yes"],
            page.FindAll("[data-testid=api-nodes] tr").Select(row => $"{row.Children[0].FirstChild!.TextContent} {row.Children[1].TextContent} {row.Children[4].TextContent}")));

        _context.Service.On("GET cluster", """{"silos":[{"address":"10.0.1.4:11111","answers":true,"partitions":64}]}""");
        _context.Time.Advance(TimeSpan.FromSeconds(2));

        page.WaitForAssertion(() => Assert.Contains("not known just now", page.Markup, StringComparison.Ordinal));
    }

    // Behind local proxies they listen at the same address, and they may start at the same moment.
    [Fact]
    public async Task Cluster_WithApiNodesOfOneAddress_ListsThemAll_AlsoWhenAnotherComes()
    {
        var nodes = Nodes.Replace("api-1:8080", "api-0:8080", StringComparison.Ordinal);
        await _context.SignInAsync();
        _context.Service.On("GET cluster", nodes);
        var page = _context.Render<ClusterPage>();
        page.WaitForAssertion(() => Assert.Equal(["api-0:8080", "api-0:8080"], NodesOf(page)));

        _context.Service.On("GET cluster", nodes.Replace("\"api_nodes\":[", """
            "api_nodes":[{"id":"6f960000-0000-0000-0000-000000000003","address":"api-00:8080","answers":true,"version":"0.1.0","started_at":"2026-06-11T18:00:00.000Z","has_silo":false},
            """, StringComparison.Ordinal));
        _context.Time.Advance(TimeSpan.FromSeconds(2));

        page.WaitForAssertion(() => Assert.Equal(["api-00:8080", "api-0:8080", "api-0:8080"], NodesOf(page)));
    }

    private static IEnumerable<string> NodesOf(IRenderedComponent<ClusterPage> page) =>
        page.FindAll("[data-testid=api-nodes] tr").Select(row => row.Children[0].FirstChild!.TextContent);

    [Fact]
    public async Task Overview_WhenTheServiceNoLongerAnswers_DoesNotSayThatAllIsWell()
    {
        await _context.SignInAsync();
        _context.Service.On("GET topics", Topics).On("GET groups", """{"groups":[]}""").On("GET cluster", """{"silos":[{"address":"10.0.1.4:11111","answers":true,"partitions":64}]}""");
        var page = _context.Render<OverviewPage>();
        page.WaitForAssertion(() => Assert.Contains("All is well", page.Markup, StringComparison.Ordinal));

        _context.Service.On("GET cluster", (_, _) => Task.FromException<(int, string)>(new HttpRequestException("connection refused")));
        _context.Time.Advance(TimeSpan.FromSeconds(3));

        page.WaitForElement("[role=alert]");
        Assert.DoesNotContain("All is well", page.Markup, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reset_ShowsWhatWouldMove_AndMovesOnlyThen()
    {
        await _context.SignInAsync();
        _context.Service.On("POST groups/g/offsets/reset", (_, body) => (200, $$"""
            {"dry_run":{{(body.Contains("\"dry_run\":true", StringComparison.Ordinal) ? "true" : "false")}},"offsets":[{"topic":"matches","partition":0,"from":9007199254740993,"to":5}]}
            """));
        var reset = _context.Render<ResetOffsets>(part => part.Add(one => one.Group, "g").Add(one => one.Topics, ["matches"]));
        Assert.Empty(reset.FindAll("[data-testid=move]"));

        reset.Find("form").Submit();
        reset.WaitForElement("[data-testid=move]");
        Assert.Contains("9007199254740993", reset.Markup, StringComparison.Ordinal);
        Assert.DoesNotContain(_context.Service.Asked, call => call.Contains("\"dry_run\":false", StringComparison.Ordinal));

        reset.Find("[data-testid=move]").Click();
        reset.WaitForAssertion(() => Assert.Contains("Moved 1", reset.Markup, StringComparison.Ordinal));
        Assert.Contains(_context.Service.Asked, call => call.Contains("\"dry_run\":false", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Reset_OfAGroupWithMembers_CannotMove()
    {
        await _context.SignInAsync();
        _context.Service.On("POST groups/g/offsets/reset", """{"dry_run":true,"offsets":[{"topic":"matches","partition":0,"from":9,"to":5}]}""");
        var reset = _context.Render<ResetOffsets>(part => part.Add(one => one.Group, "g").Add(one => one.HasMembers, true));

        reset.Find("form").Submit();

        Assert.True(reset.WaitForElement("[data-testid=move]").HasAttribute("disabled"));
    }

    [Fact]
    public void Confirm_BeforeTheNameIsTyped_DoesNothing()
    {
        var confirmed = 0;
        var confirm = _context.Render<ConfirmByName>(part => part
            .Add(one => one.Name, "matches").Add(one => one.Action, "Delete").Add(one => one.OnConfirmed, () => confirmed++));

        confirm.Find("form").Submit();
        Assert.Equal(0, confirmed);
        Assert.True(confirm.Find("[data-testid=confirm]").HasAttribute("disabled"));

        confirm.Find("fluent-text-input").Change("matches");
        confirm.Find("form").Submit();
        Assert.Equal(1, confirmed);
    }

    [Fact]
    public async Task SignIn_WithAWrongKey_SaysWhatTheServiceSays()
    {
        _context.Service.On("GET settings.json", """{"sign_in":true,"keys":true}""");
        await _context.Session.OpenAsync();
        _context.Service.On("GET access/me", FakeService.Problem(401, "SASL_AUTHENTICATION_FAILED", "There is no such key."), 401);
        var card = _context.Render<SignInCard>();

        card.Find("fluent-text-input").Change("os_wrong");
        card.Find("form").Submit();

        card.WaitForAssertion(() => Assert.Contains("There is no such key.", card.Find("[role=alert]").TextContent, StringComparison.Ordinal));
        Assert.Null(_context.Session.Credential);
    }

    [Fact]
    public async Task Settings_WithAWrongValue_CannotBeSaved()
    {
        await _context.SignInAsync();
        var config = string.Join(',', TopicSetting.All.Select(setting => $"\"{setting.Name}\":{(setting.Choices.Count > 0 ? $"\"{setting.Choices[0]}\"" : "1")}"));
        _context.Service.On("GET topics/matches", $$"""{"name":"matches","id":"6f960000-0000-0000-0000-0000000064ff","partitions":6,"replication_factor":1,"config":{{{config}}},"version":1,"created_at":"2026-06-11T18:00:00.000Z"}""");
        var page = _context.Render<SettingsPage>(part => part.Add(one => one.Topic, "matches"));
        page.WaitForElement("[aria-label='retention.ms']");
        Assert.Empty(page.FindAll("[data-testid=save]"));

        page.Find("[aria-label='retention.ms']").Input("3600000");
        Assert.False(page.Find("[data-testid=save]").HasAttribute("disabled"));
        Assert.Contains("60 min", page.Markup, StringComparison.Ordinal);

        page.Find("[aria-label='retention.ms']").Input("soon");
        Assert.True(page.Find("[data-testid=save]").HasAttribute("disabled"));
    }
}
