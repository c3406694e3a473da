using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using OrleansStream.Api.Hosting;
using OrleansStream.Gateway.Admission;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Produce;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api.Bodies;

/// <summary>Many callers that trickle hold nothing that others need, and those that have little to say are not cut for it.</summary>
public sealed class SlowCallerTests : IAsyncLifetime
{
    private const string Line = "{\"value\":1}\n";

    private readonly SkippingTime _time = new();
    private readonly ApiFixture _api;

    public SlowCallerTests() => _api = new ApiFixture(_time);

    public ValueTask InitializeAsync() => _api.InitializeAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task Post_WhileManyQuietStreamsAreOpen_IsTaken()
    {
        // More than can work at the same time.
        const int Count = (int)(AdmissionLimits.RequestBytesInFlightMax / ProduceLimits.NdjsonBytesInFlight) + 50;
        var topic = await _api.CreateTopicAsync();
        List<SlowConnection> streams = [];
        for (var i = 0; i < Count; i++)
            streams.Add(await OpenAsync(SlowConnection.LinesTo(topic) + SlowConnection.Chunk(Line)));
        await UntilStoredAsync(topic, Count);
        await Wait.UntilAsync("all of them rest", () => _api.Node.Bytes <= Count * ProduceLimits.NdjsonBytesAtRest);

        await PostLargeAsync(topic);
        _time.Advance(TimeSpan.FromMinutes(10));
        foreach (var stream in streams)
        {
            await stream.SendAsync(SlowConnection.Chunk(Line));
            var answer = await stream.EndAsync();
            Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
            Assert.Equal(2, answer.Split("\"offset\":").Length - 1);
            stream.Dispose();
        }
    }

    [Fact]
    public async Task Post_WhileManyAnnouncedBodiesTrickle_IsTaken()
    {
        var topic = await _api.CreateTopicAsync();
        List<SlowConnection> senders = [];
        for (var i = 0; i < 200; i++)
            senders.Add(await OpenAsync(SlowConnection.BodyTo(topic, HttpLimits.RequestBytesMax) + "{"));
        await Wait.UntilAsync("most of them are read", () => _api.Node.Bytes >= 150 * 2 * HttpLimits.BodyBytesAhead);

        await PostLargeAsync(topic);
        Assert.InRange(_api.Node.Bytes, 0, 200 * 2 * HttpLimits.BodyBytesAhead);
        senders.ForEach(sender => sender.Dispose());
    }

    [Fact]
    public async Task Post_OfALineThatStandsStill_IsCutOnlyWhereItHoldsMuch()
    {
        const int LengthBytes = HttpLimits.BodyBytesPerLook + 1000;
        var topic = await _api.CreateTopicAsync();
        using var little = await OpenAsync(SlowConnection.LinesTo(topic) + SlowConnection.Chunk("{\"value\":"));
        using var much = await OpenAsync(SlowConnection.LinesTo(topic) + SlowConnection.Chunk("{\"value\":\"" + new string('x', LengthBytes)));
        await Wait.UntilAsync("the line is held", () => _api.Node.Bytes is > LengthBytes and < ProduceLimits.NdjsonBytesInFlight);
        await Wait.UntilAsync("it is cut", () =>
        {
            _time.Advance(HttpLimits.BodyLook);
            return much.IsCut();
        });

        _time.Advance(10 * HttpLimits.BodyLook);
        Assert.False(little.IsCut());
        await little.SendAsync(SlowConnection.Chunk("1}\n"));
        Assert.Contains("\"offset\":0", await little.EndAsync(), StringComparison.Ordinal);
        await Wait.UntilAsync("all memory is given back", () => _api.Node.Bytes == 0);
    }

    [Fact]
    public async Task Post_OfAStreamUnderWay_WaitsForMemoryAndGoesOn()
    {
        var topic = await _api.CreateTopicAsync();
        using var stream = await OpenAsync(SlowConnection.LinesTo(topic) + SlowConnection.Chunk(Line));
        await UntilStoredAsync(topic, 1);
        await Wait.UntilAsync("it rests", () => _api.Node.Bytes == ProduceLimits.NdjsonBytesAtRest);
        long taken = 0;
        for (var bytes = AdmissionLimits.RequestBytesInFlightMax; bytes > 1000; bytes /= 2)
        {
            while (_api.Node.TryTake(bytes))
                taken += bytes;
        }

        await stream.SendAsync(SlowConnection.Chunk(Line));
        // A stream that begins is refused at once, with the time to come again.
        using var refused = await _api.PostAsync($"/v1/topics/{topic}/records", ApiFixture.Body("{\"value\":1}"u8.ToArray(), BodyKinds.Ndjson));
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter?.Delta);
        _api.Node.Return(taken);
        await UntilStoredAsync(topic, 2);
        Assert.DoesNotContain("error", await stream.EndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public void Heads_AndIdleConnections_HaveTheirTimes()
    {
        var limits = _api.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits;

        Assert.Equal(ConnectionLimits.RequestHeadTimeMax, limits.RequestHeadersTimeout);
        Assert.Equal(ConnectionLimits.IdleTimeMax, limits.KeepAliveTimeout);
        Assert.Equal(ConnectionLimits.ConnectionsMax, limits.MaxConcurrentConnections);
    }

    private Task<SlowConnection> OpenAsync(string begin) => SlowConnection.OpenAsync(_api.Client.BaseAddress!, begin);

    private async Task PostLargeAsync(string topic)
    {
        using var large = await _api.PostAsync($"/v1/topics/{topic}/records", ApiFixture.Body(new byte[1_000_000], "application/octet-stream"));
        Assert.Equal(HttpStatusCode.OK, large.StatusCode);
        using var lines = await _api.PostAsync($"/v1/topics/{topic}/records", ApiFixture.Body("{\"value\":1}"u8.ToArray(), BodyKinds.Ndjson));
        Assert.Equal(HttpStatusCode.OK, lines.StatusCode);
    }

    private Task UntilStoredAsync(string topic, long count) => Wait.UntilAsync($"{count} records are stored", async () =>
        (long)(await _api.GetAsync($"/v1/topics/{topic}/partitions"))["partitions"]![0]!["high_watermark"]! >= count);
}
