using OrleansStream.WebConsole.Calls;

namespace OrleansStream.WebConsole.Tests;

/// <summary>Who uses the console, and what the console says of it to the service.</summary>
public sealed class SessionTests
{
    [Theory]
    [InlineData("read", "topic", "pages.raw", true)]
    [InlineData("read", "topic", "page", false)]
    [InlineData("write", "topic", "pages.raw", false)]
    [InlineData("write", "topic", "clicks", true)]
    [InlineData("write", "topic", "clicks2", false)]
    [InlineData("describe", "cluster", null, true)]
    [InlineData("admin", "cluster", null, false)]
    [InlineData("write", "topic", null, true)]
    [InlineData("manage", "group", null, false)]
    [InlineData("read", "topic", "__audit", false)]
    public async Task May_OfANameAndAnOperation_GoesByTheRights(string operation, string resource, string? name, bool may)
    {
        await using var context = new ConsoleContext();
        await context.SignInAsync("""
            [{"resource":"topic","pattern":"prefix","name":"pages.","operations":["describe","read"]},
             {"resource":"topic","pattern":"literal","name":"clicks","operations":["describe","write"]},
             {"resource":"cluster","pattern":"literal","operations":["describe"]}]
            """);

        Assert.Equal(may, context.Session.May(operation, resource, name));
    }

    [Fact]
    public async Task May_OfTheServicesOwnTopic_NeedsAdminAndNeverWrites()
    {
        await using var context = new ConsoleContext();
        await context.SignInAsync();

        Assert.True(context.Session.May("read", "topic", "__audit"));
        Assert.False(context.Session.May("write", "topic", "__audit"));
    }

    [Fact]
    public async Task Call_IsBelowTheProxysPath_WithTheCredential()
    {
        await using var context = new ConsoleContext();
        await context.SignInAsync();
        context.Service.On("GET topics", """{"topics":[]}""");

        using var answer = await new StreamApi(context.Service.Client(), context.Session).ReadAsync("topics");

        Assert.Contains("GET topics", context.Service.Asked);
        Assert.Equal("os_ops_secret", context.Service.Credentials[^1]);
    }

    [Fact]
    public async Task Call_WhenTheKeyWasRevoked_EndsTheSessionAndSaysWhy()
    {
        await using var context = new ConsoleContext();
        await context.SignInAsync();
        context.Service.On("GET topics", FakeService.Problem(401, "SASL_AUTHENTICATION_FAILED", "What 'key:ops' signed in with was revoked."), 401);

        var failure = await Assert.ThrowsAsync<ApiException>(() => new StreamApi(context.Service.Client(), context.Session).ReadAsync("topics"));

        Assert.Equal(401, failure.Problem!.Status);
        Assert.Null(context.Session.Caller);
        Assert.Null(context.Session.Credential);
        Assert.Contains("revoked", context.Session.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Call_WhenAProxyAnswersInstead_SaysSo()
    {
        await using var context = new ConsoleContext();
        await context.SignInAsync();
        context.Service.On("GET topics", "<html>Bad gateway</html>", 502);

        var failure = await Assert.ThrowsAsync<ApiException>(() => new StreamApi(context.Service.Client(), context.Session).ReadAsync("topics"));

        Assert.Null(failure.Problem);
        Assert.Contains("502", failure.Message, StringComparison.Ordinal);
        Assert.NotNull(failure.Advice);
    }

    [Fact]
    public async Task Call_ThatIsNotAnsweredInTime_IsAFailureAndNotAUserWhoHasLeft()
    {
        await using var context = new ConsoleContext();
        await context.SignInAsync();
        context.Service.On("GET topics", (_, _) => Task.FromException<(int, string)>(new TaskCanceledException()));

        var failure = await Assert.ThrowsAsync<ApiException>(() => new StreamApi(context.Service.Client(), context.Session).ReadAsync("topics"));

        Assert.Contains("did not answer within 100 s", failure.Message, StringComparison.Ordinal);
        Assert.NotNull(failure.Advice);
    }

    [Theory]
    [InlineData(9_007_199_254_740_993, "9,007,199,254,740,993")]
    [InlineData(long.MaxValue, "9,223,372,036,854,775,807")]
    public void Count_OfAnyOffset_KeepsEachDigit(long number, string text) => Assert.Equal(text, Text.Count(number));
}
