using System.Text;
using System.Text.Json.Nodes;
using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.WebConsole.Records;

namespace OrleansStream.WebConsole.Tests;

/// <summary>What people take out of the console: records as lines, and as commands.</summary>
public sealed class RecordsPageTests : IAsyncDisposable
{
    private const string Spread = """
        {"partition":0,"offset":0,"timestamp":"2026-06-11T18:00:00.000Z","key":"//4=","key_type":"binary","value":{
          "a": 1},"value_type":"json","headers":[{"key":"source","value":"stadium"}]}
        """;

    private readonly ConsoleContext _context = new();

    public ValueTask DisposeAsync() => _context.DisposeAsync();

    [Fact]
    public async Task Download_OfRecords_HasAllOfEachOnALine_AndTellsWhatItLeavesOut()
    {
        await _context.SignInAsync();
        var topic = new FakeTopic(_context.Service, "odd", 0);
        topic.Add(0, timeMs: 1);
        topic.Add(0, timeMs: 2);
        var large = $$"""{"partition":0,"offset":1,"timestamp":null,"key":null,"value":"{{new string('x', BrowsedRecord.KeptLength + 1)}}","value_type":"string","headers":[]}""";
        _context.Service.On("GET topics/odd/partitions/0/records", $$"""{"records":[{{Spread}},{{large}}],"next_offset":2,"log_start_offset":0,"high_watermark":2}""");
        var page = _context.Render<RecordsPage>(part => part.Add(one => one.Topic, "odd"));

        await page.WaitForElement("[data-testid=download]").ClickAsync();

        var taken = _context.JSInterop.VerifyInvoke("streamConsole.download").Arguments;
        var lines = Encoding.UTF8.GetString(Convert.FromBase64String((string)taken[2]!)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("odd.ndjson", taken[0]);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Spread), JsonNode.Parse(Assert.Single(lines))));
        Assert.Contains("1 with values above 64 KiB were left out", page.Markup, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Live_WhenTheServiceIsAwayForAWhile_GoesOn()
    {
        await _context.SignInAsync();
        _context.Services.GetRequiredService<NavigationManager>().NavigateTo("topics/matches/records?live=true");
        var topic = new FakeTopic(_context.Service, "matches", 0);
        var page = _context.Render<RecordsPage>(part => part.Add(one => one.Topic, "matches"));
        page.WaitForAssertion(() => Assert.Contains("0 records came", page.Markup, StringComparison.Ordinal));

        _context.Service.On("GET topics/matches/partitions", (_, _) => Task.FromException<(int, string)>(new HttpRequestException("connection refused")));
        _context.Time.Advance(BrowsingLimits.RoundPeriod);
        page.WaitForAssertion(() => Assert.Contains("connection refused", page.Find("[role=alert]").TextContent, StringComparison.Ordinal));
        topic.Add(0, timeMs: 1, key: "peru-chile");
        topic.Answer();
        _context.Time.Advance(BrowsingLimits.RoundPeriod);

        page.WaitForAssertion(() => Assert.Contains("peru-chile", page.Markup, StringComparison.Ordinal));
        page.WaitForAssertion(() => Assert.Empty(page.FindAll("[role=alert]")));
    }

    [Theory]
    [InlineData("true", true)]
    [InlineData("false", false)]
    public async Task Curl_OfARecord_SignsInOnlyWherePeopleDo(string isRequired, bool hasKey)
    {
        _context.Service.On("GET access/me", $$"""{"principal":"anonymous","sign_in_required":{{isRequired}},"rights":{{ConsoleContext.Everything}}}""");
        Assert.Null(await _context.Session.SignInAsync("os_ops_secret"));
        _context.JSInterop.Setup<bool>("streamConsole.copy", _ => true).SetResult(true);
        var record = new BrowsedRecord(0, 7, Timestamp: null, "k", "1", "json", []);
        var detail = _context.Render<RecordDetail>(part => part.Add(one => one.Topic, "a'b").Add(one => one.Record, record));

        detail.Find("fluent-button").Click();

        var curl = (string)_context.JSInterop.VerifyInvoke("streamConsole.copy").Arguments[0]!;
        Assert.Equal(
            $"curl -sS{(hasKey ? " -H \"Authorization: Bearer $KEY\"" : "")} 'https://stream.test/below/v1/topics/a%27b/partitions/0/records?offset=7&limit=1'", curl);
    }
}
