using System.Net;

namespace OrleansStream.Tests.Security;

/// <summary>Tickets: for one address, once, for a minute.</summary>
public sealed class TicketTests(SecureApi api) : IClassFixture<SecureApi>
{
    [Fact]
    public async Task Ticket_OpensItsAddressOnce()
    {
        using var admin = api.ClientOf(api.Bootstrap);
        await SecureApi.SendAsync(admin, HttpMethod.Put, "/v1/topics/seen", "{}", 201);
        await SecureApi.SendAsync(admin, HttpMethod.Put, "/v1/topics/unseen", "{}", 201);
        using var client = api.ClientOf(await api.CreateKeyAsync("page"));
        await api.GiveAsync("key:page", "topic", "seen", "read");

        var first = await TakeAsync(client, "/v1/topics/seen/records?from=earliest");
        Assert.Equal(HttpStatusCode.OK, await OpenAsync($"/v1/topics/seen/records?from=earliest&ticket={first}"));
        Assert.Equal(HttpStatusCode.Unauthorized, await OpenAsync($"/v1/topics/seen/records?from=earliest&ticket={first}"));

        // One for another address is used up by the try.
        var second = await TakeAsync(client, "/v1/topics/seen/records?from=earliest");
        Assert.Equal(HttpStatusCode.Unauthorized, await OpenAsync($"/v1/topics/seen/records?from=latest&ticket={second}"));
        Assert.Equal(HttpStatusCode.Unauthorized, await OpenAsync($"/v1/topics/seen/records?from=earliest&ticket={second}"));

        // It opens no more than its holder may.
        var third = await TakeAsync(client, "/v1/topics/unseen/records");
        Assert.Equal(HttpStatusCode.Forbidden, await OpenAsync($"/v1/topics/unseen/records?ticket={third}"));
        // And goes with its holder's key.
        var fourth = await TakeAsync(client, "/v1/topics/seen/records");
        await SecureApi.SendAsync(admin, HttpMethod.Delete, "/v1/access/keys/page", status: 204);
        Assert.Equal(HttpStatusCode.Unauthorized, await OpenAsync($"/v1/topics/seen/records?ticket={fourth}"));

        using var nobody = api.ClientOf(null);
        await SecureApi.SendAsync(nobody, HttpMethod.Post, "/v1/tickets", """{"url":"/v1/topics/seen/records"}""", 401);
        Assert.DoesNotContain(
            api.Log.All, line => new[] { first, second, third, fourth }.Any(ticket => line.Contains(ticket, StringComparison.Ordinal)));
    }

    // What would be more than a look at one's own.
    [Theory]
    [InlineData("https://evil.example/v1/topics/seen/records")]
    [InlineData("//evil.example/v1/")]
    [InlineData("/swagger")]
    [InlineData("/v1/topics/seen/records#fragment")]
    [InlineData("/v1/topics/seen/records\\r\\nX: y")]
    public async Task Ticket_ForWhatIsNoAddressOfTheService_IsRefused(string url)
    {
        using var admin = api.ClientOf(api.Bootstrap);

        var problem = await SecureApi.SendAsync(admin, HttpMethod.Post, "/v1/tickets", $$"""{"url":"{{url}}"}""", 400);

        Assert.Equal("url", (string)problem!["field"]!);
    }

    private static async Task<string> TakeAsync(HttpClient client, string url)
    {
        var answer = (await SecureApi.SendAsync(client, HttpMethod.Post, "/v1/tickets", $$"""{"url":"{{url}}"}""", 201))!;
        var ticket = (string)answer["ticket"]!;
        Assert.EndsWith($"ticket={ticket}", (string)answer["url"]!, StringComparison.Ordinal);
        return ticket;
    }

    private async Task<HttpStatusCode> OpenAsync(string url)
    {
        using var eventSource = api.ClientOf(null);
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.Accept.ParseAdd("text/event-stream");
        using var response = await eventSource.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        return response.StatusCode;
    }
}
