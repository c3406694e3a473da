using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrleansStream.Security;
using OrleansStream.Tests.Support.Secrets;

namespace OrleansStream.Tests.Security;

/// <summary>Runs alone: telemetry is the process's, so the watch of other services would see what is leaked here on purpose.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class SecretsCollection
{
    public const string Name = "Secrets";
}

/// <summary>
/// What <see cref="SecretWatch"/> watches a run by: it finds each form of a secret, and in each place that a service may leak one to.
/// </summary>
[Collection(SecretsCollection.Name)]
public sealed class SecretsTests
{
    private static readonly string Secret = ApiKeySecret.Create().Secret;

    public static TheoryData<string> Secrets =>
    [
        $"os_crawler-1_{Secret}", $"Bearer OS_CRAWLER-1_{Secret.ToUpperInvariant()}", $"os_crawler-1_{Secret[..16]}", Secret, $"/v1/topics/t/records?ticket={Secret}&x=1",
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl", "AccountName=a;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq;",
        ECDsa.Create().ExportPkcs8PrivateKeyPem(),
    ];

    [Theory, MemberData(nameof(Secrets))]
    public void See_OfATextWithASecret_FindsIt(string text)
    {
        var finder = new SecretFinder();
        finder.See("log", $"before {text} after");

        Assert.Single(finder.Findings);
    }

    [Theory]
    [InlineData("done: key:crawler from 127.0.0.1 (client (null)): createKey on Cluster kafka-cluster: key crawler-1 of crawler, no role")]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    [InlineData("The header 'Authorization' must be 'Bearer os_…', with an API key.")]
    [InlineData("t-3f2504e04f8941d39a0c0305e82c3301 at 68 6f 6c")]
    public void See_OfATextWithout_FindsNothing(string text)
    {
        var finder = new SecretFinder();
        finder.See("log", text);

        Assert.Empty(finder.Findings);
    }

    /// <summary>The same service, with and without something in it that tells everybody the header that callers sign in by.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Service_ThatTellsASecret_IsFoundInEachPlace(bool isLeaking)
    {
        var finder = new SecretFinder();
        await using var api = new SecureApi([], configure: services =>
        {
            if (isLeaking)
                services.AddSingleton<IStartupFilter, Leak>();
        }, finder: finder);
        await api.InitializeAsync();
        using var client = api.ClientOf($"os_nobody_{Secret}");
        await SecureApi.SendAsync(client, HttpMethod.Get, "/v1/topics", status: 401);
        using var admin = api.ClientOf(api.Bootstrap);
        await SecureApi.SendAsync(admin, HttpMethod.Get, "/v1/topics");
        await SecureApi.SendAsync(admin, HttpMethod.Get, "/v1/topics/none", status: 404);
        await api.DisposeAsync();

        string[] places = [SecretSeekingLog.Kind, SecretSeekingHandler.Kind, SecretSeekingTelemetry.Traces, SecretSeekingTelemetry.Metrics];
        Assert.All(places, place => Assert.True(finder.Seen.ContainsKey(place), $"No {place} was seen."));
        Assert.Equal(isLeaking ? places : [],
            places.Where(place => finder.Findings.Any(finding => finding.StartsWith(place, StringComparison.Ordinal))));
    }

    private sealed class Leak : IStartupFilter
    {
        private static readonly Meter Meter = new("OrleansStream");
        private static readonly Counter<long> Calls = Meter.CreateCounter<long>("leak");

        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use(async (context, rest) =>
            {
                var header = context.Request.Headers.Authorization.ToString();
                context.RequestServices.GetRequiredService<ILogger<Leak>>().Log(
                    LogLevel.Information, default, header, exception: null, static (line, _) => line);
                Activity.Current?.SetTag("header", header);
                Calls.Add(1, new KeyValuePair<string, object?>("header", header));
                context.Response.OnStarting(() =>
                {
                    context.Response.Headers["X-Leak"] = header;
                    return Task.CompletedTask;
                });
                await rest(context);
            });
            next(app);
        };
    }
}
