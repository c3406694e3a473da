using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.WebConsole.Cluster;
using OrleansStream.WebConsole.Groups;
using OrleansStream.WebConsole.Topics;

namespace OrleansStream.WebConsole.Tests;

/// <summary>Pages whose figures change while somebody looks at them.</summary>
public sealed class ChangingPageTests : IAsyncDisposable
{
    private static readonly TimeSpan ClusterPeriod = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan GroupPeriod = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ListPeriod = TimeSpan.FromSeconds(15);

    private readonly ConsoleContext _context = new();

    public ValueTask DisposeAsync() => _context.DisposeAsync();

    [Fact]
    public async Task Cluster_WhenASiloJoinsAndAnotherLeaves_TellsBothAtTheNextRefresh()
    {
        var page = await OpenClusterAsync(Silo("a", 1), Silo("b", 1));
        Assert.Empty(page.FindAll(".note"));

        Answer(Silo("a", 1), Silo("c", 2));

        page.WaitForAssertion(() => Assert.Equal(["a", "c"], AddressesOf(page)));
        Assert.Equal(["c has come", "b has gone"], ChangesOf(page));
    }

    [Fact]
    public async Task Cluster_WhenASiloDoesNotAnswerForAWhile_IsNotSaidToHaveGoneOrCome()
    {
        var page = await OpenClusterAsync(Silo("a", 1), Silo("b", 1));

        LoseAndFindAgain(page, Silo("b", 1));

        Assert.Empty(ChangesOf(page));
    }

    [Fact]
    public async Task Cluster_WhenASiloWasStartedAgainUnseen_SaysSo()
    {
        var page = await OpenClusterAsync(Silo("a", 1), Silo("b", 1));

        LoseAndFindAgain(page, Silo("b", 2));

        Assert.Equal(["b was started again"], ChangesOf(page));
    }

    [Fact]
    public async Task Group_WhenAnotherIsOpened_ShowsNothingOfTheFirst()
    {
        var page = await OpenScoresAsync();
        _context.Service.On("POST groups/scores/offsets/reset", """{"dry_run":true,"offsets":[{"topic":"topic-scores","partition":0,"from":9,"to":5}]}""");
        page.Find("form").Submit();
        page.WaitForElement("[data-testid=move]");
        var second = HoldGroup("crawlers", "berta", 70);

        page.Render(part => part.Add(one => one.Group, "crawlers"));
        AssertNothingOf("scores", "anna", page);
        second.SetResult();

        page.WaitForAssertion(() => Assert.Contains("berta", page.Markup, StringComparison.Ordinal));
        AssertNothingOf("scores", "anna", page);
        Assert.Empty(page.FindAll("[data-testid=move]"));
        // One value is a short line at the end: the first group's would have made it a long one.
        Assert.StartsWith("M588,", page.Find("svg path").GetAttribute("d"), StringComparison.Ordinal);
        Assert.Contains("highest 70", page.Find("figcaption").TextContent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Group_WhenTheFirstOnesAnswerComesLate_DoesNotShowIt()
    {
        var page = await OpenScoresAsync();
        AnswerGroup("crawlers", "berta", 70);
        var late = HoldGroup("scores", "anna", 5);
        _context.Advance(page, GroupPeriod);
        page.WaitForAssertion(() => Assert.Equal(2, CountOf("GET groups/scores/lag")));

        page.Render(part => part.Add(one => one.Group, "crawlers"));
        page.WaitForAssertion(() => Assert.Contains("berta", page.Markup, StringComparison.Ordinal));
        Let(late, page);
        AssertNothingOf("scores", "anna", page);
        _context.Advance(page, GroupPeriod);
        page.WaitForAssertion(() => Assert.Equal(2, CountOf("GET groups/crawlers/lag")));

        AssertNothingOf("scores", "anna", page);
        page.WaitForAssertion(() => Assert.Contains("highest 70", page.Find("figcaption").TextContent, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Topics_WhenASearchNarrowsTheListDuringARefresh_StayNarrowed()
    {
        await _context.SignInAsync();
        var all = new TaskCompletionSource();
        var isHeld = false;
        _context.Service.On("GET topics", async (request, _) =>
        {
            var isNarrowed = request.RequestUri!.Query.Contains("prefix=ma", StringComparison.Ordinal);
            if (isHeld && !isNarrowed)
                await all.Task;
            return (200, $$"""{"topics":[{{(isNarrowed ? "" : Topic("clicks") + ",")}}{{Topic("matches")}}]}""");
        });
        _ = new FakeTopic(_context.Service, "clicks", 0);
        _ = new FakeTopic(_context.Service, "matches", 0);
        var page = _context.Render<TopicsPage>();
        page.WaitForAssertion(() => Assert.Equal(["clicks", "matches"], TopicsOf(page)));
        page.WaitForAssertion(() => Assert.Equal(1, CountOf("GET topics/matches/partitions")));

        isHeld = true;
        _context.Advance(page, ListPeriod);
        page.WaitForAssertion(() => Assert.Equal(2, CountOf("GET topics?")));
        page.Find("[data-testid=search]").Change("ma");
        page.Find("form[role=search]").Submit();
        Assert.EndsWith("topics?prefix=ma", _context.Services.GetRequiredService<NavigationManager>().Uri, StringComparison.Ordinal);
        page.WaitForAssertion(() => Assert.Equal(["matches"], TopicsOf(page)));
        Let(all, page);
        Assert.Equal(["matches"], TopicsOf(page));
        page.WaitForAssertion(() => Assert.Equal(2, CountOf("GET topics/matches/partitions")));
        _context.Advance(page, ListPeriod);
        page.WaitForAssertion(() => Assert.Equal(2, CountOf("GET topics?limit=50&prefix=ma")));

        Assert.Equal(["matches"], TopicsOf(page));
        Assert.Equal("ma", page.Find("[data-testid=search]").GetAttribute("value"));
    }

    private async Task<IRenderedComponent<ClusterPage>> OpenClusterAsync(params string[] silos)
    {
        await _context.SignInAsync();
        Answer(silos);
        var page = _context.Render<ClusterPage>();
        page.WaitForElement("table");
        return page;
    }

    private void Answer(params string[] silos)
    {
        _context.Service.On("GET cluster", $$"""{"silos":[{{string.Join(',', silos)}}]}""");
        _context.Time.Advance(ClusterPeriod);
    }

    // Silo b does not answer for a while, and then answers this.
    private void LoseAndFindAgain(IRenderedComponent<ClusterPage> page, string found)
    {
        Answer(Silo("a", 1), """{"address":"b","answers":false}""");
        page.WaitForAssertion(() => Assert.Single(page.FindAll(".tag.bad")));
        Answer(Silo("a", 1), found);
        page.WaitForAssertion(() => Assert.Empty(page.FindAll(".tag.bad")));
    }

    // The page of the group "scores", with its member anna.
    private async Task<IRenderedComponent<GroupPage>> OpenScoresAsync()
    {
        await _context.SignInAsync();
        AnswerGroup("scores", "anna", 5);
        var page = _context.Render<GroupPage>(part => part.Add(one => one.Group, "scores"));
        page.WaitForAssertion(() => Assert.Contains("anna", page.Markup, StringComparison.Ordinal));
        return page;
    }

    private void AnswerGroup(string group, string member, int lag) => HoldGroup(group, member, lag).SetResult();

    // Answers only once the test says so.
    private TaskCompletionSource HoldGroup(string group, string member, int lag)
    {
        var answered = new TaskCompletionSource();
        On("", $$"""
            {"group":"{{group}}","created_at":"2026-06-11T18:00:00.000Z","state":"stable","group_epoch":1,"assignor":"cooperative","members":[
              {"member":"{{member}}","member_epoch":1,"topics":["topic-{{group}}"],"assignment":[{"topic":"topic-{{group}}","partitions":[0]}],"lease_expires_at":"2026-06-11T18:00:00.000Z"}]}
            """);
        On("/lag", $$"""{"lag":{{lag}},"lag_seconds":1,"partitions":[{"topic":"topic-{{group}}","partition":0,"member":"{{member}}","committed_offset":1,"high_watermark":2,"lag":{{lag}}}]}""");
        return answered;

        void On(string what, string body) => _context.Service.On($"GET groups/{group}{what}", async (_, _) =>
        {
            await answered.Task;
            return (200, body);
        });
    }

    // Lets the service answer a refresh. After each refresh the page renders, whatever came.
    private static void Let<T>(TaskCompletionSource held, IRenderedComponent<T> page)
        where T : IComponent
    {
        var renders = page.RenderCount;
        held.SetResult();
        page.WaitForState(() => page.RenderCount > renders);
    }

    private static void AssertNothingOf(string group, string member, IRenderedComponent<GroupPage> page)
    {
        Assert.DoesNotContain(group, page.Markup, StringComparison.Ordinal);
        Assert.DoesNotContain(member, page.Markup, StringComparison.Ordinal);
    }

    private int CountOf(string call) => _context.Service.Asked.Count(asked => asked.StartsWith(call, StringComparison.Ordinal));

    private static string Silo(string address, int hour) =>
        $$"""{"address":"{{address}}","answers":true,"version":"1.0.0","started_at":"2026-06-11T0{{hour}}:00:00.000Z","partitions":1,"stored_bytes":1}""";

    private static string Topic(string name) =>
        $$"""{"name":"{{name}}","id":"6f960000-0000-0000-0000-0000000064{{(name == "clicks" ? "aa" : "bb")}}","created_at":"2026-06-11T18:00:00.000Z"}""";

    private static IEnumerable<string> AddressesOf(IRenderedComponent<ClusterPage> page) =>
        page.FindAll("tbody tr td:first-child").Select(cell => cell.FirstChild!.TextContent);

    private static IEnumerable<string> ChangesOf(IRenderedComponent<ClusterPage> page) =>
        page.FindAll(".note").Select(note => note.TextContent["00:00:00 ".Length..].Split(';')[0]);

    private static IEnumerable<string> TopicsOf(IRenderedComponent<TopicsPage> page) =>
        page.FindAll("tbody a").Select(link => link.TextContent);
}
