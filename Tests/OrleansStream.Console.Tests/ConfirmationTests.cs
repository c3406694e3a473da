using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.WebConsole.Access;
using OrleansStream.WebConsole.Topics;

namespace OrleansStream.WebConsole.Tests;

/// <summary>What takes something away for ever is done only once its name is typed.</summary>
public sealed class ConfirmationTests : IAsyncDisposable
{
    private readonly ConsoleContext _context = new();

    public ValueTask DisposeAsync() => _context.DisposeAsync();

    [Theory]
    [InlineData("604800000", "3600000", true)]
    [InlineData("-1", "3600000", true)]
    [InlineData("3600000", "604800000", false)]
    [InlineData("3600000", "-1", false)]
    public async Task Settings_ThatDeleteRecords_AskForTheTopicsName(string now, string then, bool isAsked)
    {
        await _context.SignInAsync();
        var config = string.Join(',', TopicSetting.All.Select(setting =>
            $"\"{setting.Name}\":{(setting.Choices.Count > 0 ? $"\"{setting.Choices[0]}\"" : setting.Name == "retention.ms" ? now : "1")}"));
        _context.Service
            .On("GET topics/matches", $$"""{"name":"matches","id":"6f960000-0000-0000-0000-0000000064ff","partitions":6,"replication_factor":1,"config":{{{config}}},"version":1,"created_at":"2026-06-11T18:00:00.000Z"}""")
            .On("PATCH topics/matches", "{}");
        var page = _context.Render<SettingsPage>(part => part.Add(one => one.Topic, "matches"));
        page.WaitForElement("[aria-label='retention.ms']").Input(then);

        Assert.Equal(isAsked, page.FindAll("[data-testid=save]").Count == 0);
        if (isAsked)
        {
            Assert.True(page.Find("[data-testid=confirm]").HasAttribute("disabled"));
            page.Find("[data-testid=confirm-name]").Change("matches");
            page.Find("form").Submit();
        }
        else
        {
            page.Find("[data-testid=save]").Click();
        }

        page.WaitForAssertion(() => Assert.Contains($$$"""PATCH topics/matches {"config":{"retention.ms":"{{{then}}}"}}""", _context.Service.Asked));
    }

    [Fact]
    public async Task Right_ThatIsTakenAway_AsksForThePrincipalsName()
    {
        await _context.SignInAsync();
        _context.Service
            .On("GET access/rights", """{"rights":[{"principal":"key:crawler","resource":"topic","pattern":"prefix","name":"pages.","operations":["read"]}]}""")
            .On("DELETE access/rights", "", 204);
        _context.Services.GetRequiredService<NavigationManager>().NavigateTo("access?tab=rights");
        var page = _context.Render<AccessPage>();

        page.WaitForElement("[data-testid='take-key:crawler']").Click();
        Assert.Contains("read on topic pages.*", page.Find(".danger h2").TextContent, StringComparison.Ordinal);
        Assert.DoesNotContain(_context.Service.Asked, call => call.StartsWith("DELETE", StringComparison.Ordinal));
        page.Find("[data-testid=confirm-name]").Change("key:crawler");
        page.Find(".danger form").Submit();

        page.WaitForAssertion(() => Assert.Contains("DELETE access/rights?principal=key%3Acrawler&resource=topic&pattern=prefix&name=pages.", _context.Service.Asked));
        page.WaitForAssertion(() => Assert.Empty(page.FindAll(".danger")));
    }
}
