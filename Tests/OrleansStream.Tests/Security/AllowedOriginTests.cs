using System.Net;

namespace OrleansStream.Tests.Security;

/// <summary>Pages of the origins that are allowed may call, and no others.</summary>
public sealed class AllowedOriginTests : IAsyncLifetime
{
    private const string Friend = "https://friend.example";

    private readonly SecureApi _api = new([("OrleansStream:Security:AllowedOrigins:0", Friend)]);

    public ValueTask InitializeAsync() => _api.InitializeAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Theory]
    [InlineData(Friend, true)]
    [InlineData("https://evil.example", false)]
    [InlineData("http://friend.example", false)]
    public async Task Preflight_TellsWhoMayCall(string origin, bool isAllowed)
    {
        using var client = _api.ClientOf(null);
        using var request = new HttpRequestMessage(HttpMethod.Options, "/v1/topics/t/records");
        request.Headers.Add("Origin", origin);
        request.Headers.Add("Access-Control-Request-Method", "POST");
        request.Headers.Add("Access-Control-Request-Headers", "authorization,content-type");

        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(isAllowed, response.Headers.TryGetValues("Access-Control-Allow-Origin", out var told) && told.Single() == origin);
    }

    // Also an error is for the page to read.
    [Fact]
    public async Task Get_OfAFriendsPage_IsAnsweredToItWithWhatIsWrong()
    {
        using var client = _api.ClientOf(null);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/topics");
        request.Headers.Add("Origin", Friend);

        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal(Friend, response.Headers.GetValues("Access-Control-Allow-Origin").Single());
        Assert.Contains("WWW-Authenticate", response.Headers.GetValues("Access-Control-Expose-Headers").Single(), StringComparison.Ordinal);
    }
}
