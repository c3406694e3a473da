using Bunit;
using OrleansStream.WebConsole.Groups;
using OrleansStream.WebConsole.Parts;

namespace OrleansStream.WebConsole.Tests;

/// <summary>What a group's plot draws, and what its user can choose.</summary>
public sealed class LagPlotTests : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    private readonly ConsoleContext _context = new();

    public ValueTask DisposeAsync() => _context.DisposeAsync();

    [Fact]
    public async Task Group_WithManyPartitions_PlotsTheWholeAndThoseThatLagMost()
    {
        var page = await OpenAsync(1, 2, 30, 4, 5, 60, 7, 80);

        Assert.Equal(["whole group: 189", "matches 2: 30", "matches 4: 5", "matches 5: 60", "matches 6: 7", "matches 7: 80"], LinesOf(page));
        Assert.Equal([2, 4, 5, 6, 7], TickedOf(page));
        Assert.Contains("The 5 partitions that lag most", WordsOf(page), StringComparison.Ordinal);

        Answer(page, 100, 2, 30, 4, 5, 60, 7, 80);

        page.WaitForAssertion(() => Assert.Equal(
            ["whole group: 288", "matches 0: 100", "matches 2: 30", "matches 5: 60", "matches 6: 7", "matches 7: 80"], LinesOf(page)));
    }

    [Fact]
    public async Task Group_WhoseLagComesDown_KeepsTheLinesOfThosePartitions()
    {
        var page = await OpenAsync(0, 0, 0, 4, 5, 6, 7, 8);

        Answer(page, 0, 0, 0, 0, 0, 0, 0, 0);

        page.WaitForAssertion(() => Assert.Equal(
            ["whole group: 0", "matches 3: 0", "matches 4: 0", "matches 5: 0", "matches 6: 0", "matches 7: 0"], LinesOf(page)));
    }

    [Fact]
    public async Task Group_WhenItsUserTicksPartitions_PlotsThese_AndNoMoreThanItsBound()
    {
        var page = await OpenAsync(1, 2, 30, 4, 5, 60, 7, 80);
        Assert.All([0, 1, 3], one => Assert.True(TickOf(page, one).HasAttribute("disabled")));

        TickOf(page, 7).Change(false);
        TickOf(page, 0).Change(true);
        Answer(page, 1, 2, 30, 4, 5, 60, 7, 800);

        page.WaitForAssertion(() => Assert.Equal(
            ["whole group: 909", "matches 0: 1", "matches 2: 30", "matches 4: 5", "matches 5: 60", "matches 6: 7"], LinesOf(page)));
        Assert.Contains("you chose", WordsOf(page), StringComparison.Ordinal);

        page.Find("[data-testid=lag-largest]").Click();

        Assert.Equal([2, 4, 5, 6, 7], TickedOf(page));
        Assert.Empty(page.FindAll("[data-testid=lag-largest]"));
    }

    [Fact]
    public async Task Group_MeasuredInSeconds_PlotsWhatCameBefore()
    {
        var page = await OpenAsync(0, 9);
        Answer(page, 0, 11);
        page.WaitForAssertion(() => Assert.Contains("matches 1: 11", LinesOf(page)));

        page.Find("[data-testid=lag-measure]").Change("seconds");
        page.Find("[data-testid=lag-total]").Change(false);

        Assert.Equal(["matches 0: 0 ms", "matches 1: 22 s"], LinesOf(page));
        Assert.Contains(" L600,", page.FindAll("svg.plot path")[^1].GetAttribute("d"), StringComparison.Ordinal);
    }

    [Fact]
    public void Plot_OfLinesThatBeginLater_SharesOneAxisAndJoinsNoGap()
    {
        PlotSeries[] lines = [new("a", [new(100, 1), new(150, 2), new(400, 1)]), new("b", [new(250, 1)])];

        var plot = _context.Render<Plot>(part => part.Add(one => one.Series, lines));

        Assert.Equal(
            ["M0,51 L100,4 M588,51 L600,51", "M288,51 L300,51"], plot.FindAll("svg.plot path").Select(path => path.GetAttribute("d")));
    }

    [Fact]
    public void Plot_OfALineThatEndsEarlier_HasNoValueOfItNow()
    {
        PlotSeries[] lines = [new("a", [new(100, 7), new(102, 8)]), new("b", [new(100, 9)]), new("c", [])];

        var plot = _context.Render<Plot>(part => part.Add(one => one.Series, lines));

        Assert.Equal(["a: 8", "b: –", "c: –", "highest 9"], plot.FindAll("figcaption span").Select(line => line.TextContent.Trim()));
        Assert.Equal("a, now 8; b, now –; c, now –", plot.Find("svg.plot").GetAttribute("aria-label"));
    }

    private async Task<IRenderedComponent<GroupPage>> OpenAsync(params int[] lags)
    {
        await _context.SignInAsync();
        _context.Service.On("GET groups/g", """{"group":"g","created_at":"2026-06-11T18:00:00.000Z","state":"empty","group_epoch":1,"assignor":"cooperative","members":[]}""");
        Tell(lags);
        var page = _context.Render<GroupPage>(part => part.Add(one => one.Group, "g"));
        page.WaitForElement("[data-testid=lag-lines]");
        return page;
    }

    private void Answer(IRenderedComponent<GroupPage> page, params int[] lags)
    {
        Tell(lags);
        var renders = page.RenderCount;
        _context.Time.Advance(Period);
        page.WaitForState(() => page.RenderCount > renders);
    }

    // Each record waits for two seconds.
    private void Tell(int[] lags) => _context.Service.On("GET groups/g/lag", $$"""
        {"lag":{{lags.Sum()}},"lag_seconds":{{2 * lags.Max()}},"partitions":[{{string.Join(',', lags.Select((lag, partition) =>
            $$"""{"topic":"matches","partition":{{partition}},"committed_offset":1,"high_watermark":2,"lag":{{lag}}{{(lag == 0 ? "" : $",\"lag_seconds\":{2 * lag}")}}}"""))}}]}
        """);

    private static IEnumerable<string> LinesOf(IRenderedComponent<GroupPage> page) =>
        page.FindAll("figcaption span").Select(line => line.TextContent.Trim()).SkipLast(1);

    private static string WordsOf(IRenderedComponent<GroupPage> page) => page.Find("[data-testid=lag-lines]").TextContent;

    private static AngleSharp.Dom.IElement TickOf(IRenderedComponent<GroupPage> page, int partition) =>
        page.Find($"[aria-label='Plot partition {partition} of matches']");

    private static IEnumerable<int> TickedOf(IRenderedComponent<GroupPage> page) =>
        page.FindAll("tbody input[type=checkbox]").Select((tick, partition) => (tick, partition)).Where(one => one.tick.HasAttribute("checked")).Select(one => one.partition);
}
