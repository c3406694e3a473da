using System.IO.Pipelines;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Gateway.Admission;
using OrleansStream.Rest.Http;

namespace OrleansStream.Tests.Api.Bodies;

/// <summary>A body that is held until it is whole goes on, or its connection is cut.</summary>
public sealed class StalledSenderTests : IHttpRequestLifetimeFeature, IDisposable
{
    private readonly FakeTimeProvider _time = new();

    // Inline: once a write has returned, the reader has taken it.
    private readonly Pipe _sender = new(new PipeOptions(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 0, useSynchronizationContext: false));

    private readonly CancellationTokenSource _cut = new();
    private readonly DefaultHttpContext _context = new();
    private readonly NodeLoad _node;
    private readonly RequestLoad _load;

    public StalledSenderTests()
    {
        _node = new NodeLoad(_time);
        _load = new RequestLoad(_node);
        _context.Request.Body = _sender.Reader.AsStream();
        _context.Features.Set<IHttpRequestLifetimeFeature>(this);
        _context.Features.Set(_load);
        _context.RequestServices = new ServiceCollection().AddLogging().BuildServiceProvider();
    }

    public CancellationToken RequestAborted { get; set; }

    private bool IsCut => _cut.IsCancellationRequested;

    void IHttpRequestLifetimeFeature.Abort()
    {
        _cut.Cancel();
        _sender.Writer.Complete(new IOException("The connection was cut."));
    }

    public void Dispose()
    {
        _cut.Dispose();
        _load.Dispose();
    }

    [Theory]
    [InlineData(0), InlineData(10), InlineData(3_000_000)]
    public async Task Read_WhenNothingMoreComes_IsCutAfterAMinute(int lengthBytes)
    {
        var reading = Begin();
        await SendAsync(lengthBytes);
        _time.Advance(HttpLimits.BodyLook);
        Assert.Equal(lengthBytes == 0, IsCut);
        _time.Advance(HttpLimits.BodyLook);
        Assert.True(IsCut);
        await Assert.ThrowsAnyAsync<IOException>(() => reading);
    }

    [Theory]
    [InlineData(10, 1), InlineData(HttpLimits.BodyBytesPerLook - 1, 1), InlineData(HttpLimits.BodyBytesPerLook + 1, HttpLimits.BodyBytesPerLook)]
    public async Task Read_WhenItGoesOn_IsReadToItsEnd(int firstBytes, int thenBytes)
    {
        var reading = Begin();
        await SendAsync(firstBytes);
        _time.Advance(HttpLimits.BodyLook);
        var times = thenBytes == 1 ? 1 : 20;
        for (var i = 0; i < times; i++)
        {
            await SendAsync(thenBytes);
            _time.Advance(HttpLimits.BodyLook);
        }

        Assert.False(IsCut);
        await _sender.Writer.CompleteAsync();
        using var body = await reading;
        Assert.Equal(firstBytes + times * thenBytes, body.Bytes.Length);
        // Nobody looks any more.
        _time.Advance(10 * HttpLimits.BodyLook);
        Assert.False(IsCut);
    }

    [Fact]
    public async Task Read_OfALargeBodyThatTrickles_IsCut()
    {
        var reading = Begin();
        await SendAsync(HttpLimits.BodyBytesPerLook);
        _time.Advance(HttpLimits.BodyLook);
        await SendAsync(HttpLimits.BodyBytesPerLook - 1);
        Assert.False(IsCut);
        _time.Advance(HttpLimits.BodyLook);
        Assert.True(IsCut);
        await Assert.ThrowsAnyAsync<IOException>(() => reading);
    }

    [Theory]
    [InlineData(HttpLimits.BodyBytesAhead, true, false), InlineData(HttpLimits.BodyBytesAhead + 1, true, true),
        InlineData(HttpLimits.BodyBytesAhead + 1, false, false)]
    public async Task Read_OfABodyThatTrickles_IsCutWhereOthersNeedItsMemory(int lengthBytes, bool isHalfTaken, bool isCut)
    {
        var reading = Begin();
        await SendAsync(lengthBytes);
        _time.Advance(HttpLimits.BodyLook);
        Assert.True(!isHalfTaken || _node.TryTake(_node.BytesMax / 2 + 1));
        await SendAsync(1);
        _time.Advance(HttpLimits.BodyLook);
        Assert.Equal(isCut, IsCut);
        if (isCut)
        {
            await Assert.ThrowsAnyAsync<IOException>(() => reading);
            return;
        }

        await _sender.Writer.CompleteAsync();
        using var body = await reading;
        Assert.Equal(lengthBytes + 1, body.Bytes.Length);
    }

    [Fact]
    public async Task Read_WhenAQuotaHoldsItUp_IsNotCutForThat()
    {
        var quota = new TaskCompletionSource<RateLimitLease>();
        using var limiter = new ConcurrencyLimiter(new ConcurrencyLimiterOptions { PermitLimit = 1 });
        _context.Request.Body = new MeteredBody(_context.Request.Body, _ => new ValueTask<RateLimitLease>(quota.Task));
        var reading = Begin();
        await SendAsync(10);
        _time.Advance(HttpLimits.BodyLook);
        Assert.False(IsCut);
        quota.SetResult(limiter.AttemptAcquire());
        await SendAsync(10);
        _time.Advance(HttpLimits.BodyLook);
        Assert.False(IsCut);
        _time.Advance(HttpLimits.BodyLook);
        Assert.True(IsCut);
        await Assert.ThrowsAnyAsync<IOException>(() => reading);
    }

    private Task<RequestBody> Begin() => RequestBody.ReadAsync(_context, HttpLimits.RequestBytesMax).AsTask();

    private async Task SendAsync(int lengthBytes) => await _sender.Writer.WriteAsync(new byte[lengthBytes], TestContext.Current.CancellationToken);
}
