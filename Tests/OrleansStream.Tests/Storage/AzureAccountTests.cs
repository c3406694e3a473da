using System.Globalization;
using System.Net;
using Azure.Core.Pipeline;
using OrleansStream.Hosting;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Storage;

/// <summary>Why an account does not serve is told apart, and each reason has its own line for the operator.</summary>
public sealed class AzureAccountTests : IDisposable
{
    private const string Settings = "OrleansStream:Storage:AzureBlobs";

    // Any key will do: nobody looks at it.
    private const string ConnectionString =
        "DefaultEndpointsProtocol=http;AccountName=acme;AccountKey=a2V5;BlobEndpoint=http://acme.example/acme;";

    private readonly FaultyHttpHandler _line = new();

    public void Dispose() => _line.Dispose();

    [Theory]
    [InlineData(403, "AuthorizationPermissionMismatch", AzureAccountProblem.NoRights, "role Storage Blob Data Contributor")]
    [InlineData(403, "InsufficientAccountPermissions", AzureAccountProblem.NoRights, "role Storage Blob Data Contributor")]
    [InlineData(403, "AuthenticationFailed", AzureAccountProblem.CredentialRefused, "the key in")]
    [InlineData(401, "InvalidAuthenticationInfo", AzureAccountProblem.CredentialRefused, "tenant")]
    [InlineData(403, "KeyBasedAuthenticationNotPermitted", AzureAccountProblem.KeysNotTaken, ":ServiceUri in place of")]
    [InlineData(403, "AuthorizationFailure", AzureAccountProblem.ShutOut, "firewall")]
    [InlineData(403, "RequestTimeTooSkewed", AzureAccountProblem.ClockSkew, "clock")]
    [InlineData(503, "ServerBusy", AzureAccountProblem.Unreachable, "Nothing serves there")]
    [InlineData(400, "InvalidUri", AzureAccountProblem.Other, "Check")]
    public async Task EnsureCreated_WhenTheAccountRefuses_SaysWhyAndWhatToDo(
        int status, string code, AzureAccountProblem problem, string advice)
    {
        _line.Answer = _ => FaultyHttpHandler.Error((HttpStatusCode)status, code);

        await CheckAsync(problem, "http://acme.example/acme/records", advice, Settings);
    }

    [Fact]
    public async Task EnsureCreated_WhenNothingAnswers_SaysSo()
    {
        _line.OnRequest = (_, _) => HttpFault.RequestLost;

        await CheckAsync(AzureAccountProblem.Unreachable, "http://acme.example/acme/records", "the request is lost", Settings);
    }

    [Theory]
    [InlineData(-16, AzureAccountProblem.ClockSkew)]
    [InlineData(16, AzureAccountProblem.ClockSkew)]
    [InlineData(14, AzureAccountProblem.CredentialRefused)]
    public async Task EnsureCreated_WhenTheClocksDiffer_ShowsBothTimes(int minutes, AzureAccountProblem problem)
    {
        var theirs = TimeProvider.System.GetUtcNow().AddMinutes(minutes);
        _line.Answer = _ =>
        {
            var refusal = FaultyHttpHandler.Error(HttpStatusCode.Forbidden, "AuthenticationFailed");
            refusal.Headers.Date = theirs;
            return refusal;
        };

        var refused = await CheckAsync(problem, Settings);

        if (problem == AzureAccountProblem.ClockSkew)
        {
            var shown = theirs.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
            Assert.Matches($"this machine's clock says 2[0-9T:-]+Z and the account's {shown}", refused.Message);
        }
    }

    [Fact]
    public async Task EnsureCreated_WhenTheContainerIsMissingAndMayNotBeMade_NamesIt()
    {
        _line.Answer = request => request.Method == HttpMethod.Put
            ? FaultyHttpHandler.Error(HttpStatusCode.Forbidden, "AuthorizationPermissionMismatch")
            : FaultyHttpHandler.Error(HttpStatusCode.NotFound, "ContainerNotFound");

        await CheckAsync(AzureAccountProblem.NoContainer, "acme/records", "There is no such container", $"{Settings}:Container");
    }

    [Fact]
    public async Task EnsureCreated_WhenThereIsNoIdentity_AsksOnceAndSaysSo()
    {
        var asked = 0;
        _line.Answer = _ =>
        {
            asked++;
            throw new Azure.Identity.CredentialUnavailableException("No identity here.");
        };

        await CheckAsync(AzureAccountProblem.NoIdentity, "No identity here", "managed identity", $"{Settings}:ConnectionString");
        Assert.Equal(1, asked);
    }

    [Theory]
    [InlineData(400, "BlobTypeNotSupported")]
    [InlineData(409, "FeatureNotSupportedForAccount")]
    public async Task EnsureTakesSegments_WhenTheAccountTakesNoAppendBlobs_SaysSo(int status, string code)
    {
        _line.Answer = _ => FaultyHttpHandler.Error((HttpStatusCode)status, code);

        var refused = await Assert.ThrowsAsync<AzureAccountException>(
            async () => await Open().EnsureTakesSegmentsAsync(TestContext.Current.CancellationToken));
        Assert.Equal(AzureAccountProblem.NoAppendBlobs, refused.Problem);
        Assert.Contains("Standard_ZRS", StartFailure.Explain(refused)!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task EnsureTakesSegments_WhenTheProbeIsThereFromAnEarlierStart_SaysNothing()
    {
        _line.Answer = _ => FaultyHttpHandler.Error(HttpStatusCode.Conflict, "BlobAlreadyExists");

        await Open().EnsureTakesSegmentsAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Usage_CountsEachTryAsItIsBilled()
    {
        var container = Open();
        _line.Answer = _ => FaultyHttpHandler.Error(HttpStatusCode.NotFound, "BlobNotFound");
        var bytes = new byte[1];
        await Assert.ThrowsAnyAsync<Exception>(async () => await container.Segments.ReadAsync("s", 0, bytes, TestContext.Current.CancellationToken));
        Assert.Equal(new BlobRequests(0, 0, 1), container.Usage.Total);
        await container.Segments.AppendAsync("s", 0, bytes, TestContext.Current.CancellationToken);
        Assert.Equal(new BlobRequests(1, 1, 1), container.Usage.Total);
        await container.Segments.DeleteAsync("s", TestContext.Current.CancellationToken);
        Assert.Equal(new BlobRequests(1, 1, 1), container.Usage.Total);
    }

    private AzureBlobContainer Open() => AzureBlobContainer.Open(
        null, ConnectionString, "records", TimeProvider.System, TimeSpan.FromMilliseconds(1), new HttpClientTransport(_line));

    private async Task<AzureAccountException> CheckAsync(AzureAccountProblem problem, params string[] expected)
    {
        var container = Open();
        var refused = await Assert.ThrowsAsync<AzureAccountException>(
            async () => await container.EnsureCreatedAsync(TestContext.Current.CancellationToken));
        Assert.Equal(problem, refused.Problem);
        var line = StartFailure.Explain(refused)!;
        Assert.DoesNotContain('\n', line);
        Assert.All(expected, part => Assert.Contains(part, line, StringComparison.Ordinal));
        return refused;
    }
}
