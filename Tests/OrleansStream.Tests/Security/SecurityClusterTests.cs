using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using OrleansStream.Security;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Security;

/// <summary>
/// Keys on a cluster of processes: the table of all operations, and a key that is replaced and revoked under load while a silo is killed.
/// </summary>
[Collection(EndToEndCollection.Name)]
public sealed class SecurityClusterTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private const int SiloCount = 3;
    private const int ProducersPerApi = 8;
    private static readonly TimeSpan Phase = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RevokedWithin = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Operations_LetInWhoHasTheRightAndNobodyElse()
    {
        SkipUnlessAsked();
        var bootstrap = $"os_bootstrap_{ApiKeySecret.Create().Secret}";
        await using var cluster = await StartAsync("table", bootstrap);

        Assert.Empty(await new AccessTable(key => ClientOf(cluster.Apis[0], key), bootstrap).RunAsync());
    }

    [Fact]
    public async Task Key_ReplacedAndRevokedUnderLoad_FailsNoRequestBeforeAndLetsNoneInAfter()
    {
        SkipUnlessAsked();
        var bootstrap = $"os_bootstrap_{ApiKeySecret.Create().Secret}";
        await using var cluster = await StartAsync("rotation", bootstrap);
        using var admin = ClientOf(cluster.Apis[0], bootstrap);
        await SecureApi.SendAsync(admin, HttpMethod.Put, "/v1/topics/load", """{"partitions":6}""", 201);
        var first = await CreateKeyAsync(admin, "load-1");
        using var ended = new CancellationTokenSource();
        var sent = new ConcurrentBag<Sent>();
        var load = Enumerable.Range(0, ProducersPerApi * cluster.Apis.Count).Select(
            i => ProduceAsync(cluster.Apis[i % cluster.Apis.Count], first, sent, ended.Token)).ToList();
        await Wait.ForAsync(Phase);

        var second = await CreateKeyAsync(admin, "load-2");
        load.AddRange(Enumerable.Range(0, ProducersPerApi * cluster.Apis.Count).Select(
            i => ProduceAsync(cluster.Apis[i % cluster.Apis.Count], second, sent, ended.Token)));
        await Wait.ForAsync(Phase);
        var killed = cluster.KillAsync(cluster.Silos[0]);
        var revokingAt = Stopwatch.GetTimestamp();
        await SecureApi.SendAsync(admin, HttpMethod.Delete, "/v1/access/keys/load-1", status: 204);
        var revokedAt = Stopwatch.GetTimestamp();
        await killed;
        await Wait.ForAsync(RevokedWithin + Phase);
        await ended.CancelAsync();
        await Task.WhenAll(load);

        // A request whose node or silo has just gone may fail for another reason; it is let in or it is not.
        Assert.DoesNotContain(sent, one => one.Key == second && IsRefused(one));
        Assert.DoesNotContain(sent, one => one.Key == first && one.EndedAt < revokingAt && IsRefused(one));
        var late = sent.Where(one => one.Key == first && Stopwatch.GetElapsedTime(revokedAt, one.At) >= RevokedWithin).ToList();
        Assert.NotEmpty(late);
        Assert.All(late, one => Assert.Equal(HttpStatusCode.Unauthorized, one.Status));
        Assert.Contains(sent,
            one => one.Key == second && one.Status == HttpStatusCode.OK && Stopwatch.GetElapsedTime(revokedAt, one.At) >= RevokedWithin);
        var lastIn = sent.Where(one => one.Key == first && one.Status == HttpStatusCode.OK).Max(one => one.At);
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{sent.Count} requests; the last with the revoked key was let in {Stopwatch.GetElapsedTime(revokedAt, Math.Max(revokedAt, lastIn)).TotalSeconds:0.0} s after the answer to its revocation");
    }

    private static void SkipUnlessAsked() => OnDemand.Require(OnDemand.ClusterTests);

    private Task<ClusterProcesses> StartAsync(string container, string bootstrap) => ClusterProcesses.StartAsync(
        azurite.ConnectionString, $"security-{container}", SiloCount, apis: 2, lines: null, ("OrleansStream__Security__BootstrapKey", bootstrap));

    private static HttpClient ClientOf(Uri api, string? key)
    {
        var client = new HttpClient { BaseAddress = api };
        if (key is not null)
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    private static async Task<string> CreateKeyAsync(HttpClient admin, string id) =>
        (string)(await SecureApi.SendAsync(admin, HttpMethod.Put, $"/v1/access/keys/{id}", """{"name":"load","role":"Data Sender"}""", 201))!["key"]!;

    private static bool IsRefused(Sent one) => one.Status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden;

    private static async Task ProduceAsync(Uri api, string key, ConcurrentBag<Sent> sent, CancellationToken ended)
    {
        using var client = ClientOf(api, key);
        while (!ended.IsCancellationRequested)
        {
            var at = Stopwatch.GetTimestamp();
            using var response = await client.PostAsync("/v1/topics/load/records", ApiFixture.Json("""{"records":[{"value":1}]}"""), CancellationToken.None);
            sent.Add(new Sent(at, Stopwatch.GetTimestamp(), key, response.StatusCode));
        }
    }

    private sealed record Sent(long At, long EndedAt, string Key, HttpStatusCode Status);
}
