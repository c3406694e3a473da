using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Http.Codings;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api.Bodies;

/// <summary>The rest of a body that was refused is read off, within its bounds.</summary>
public sealed class BodyDrainTests : IHttpRequestLifetimeFeature, IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly StoppableLifetime _lifetime = new();
    private bool _isCut;

    public CancellationToken RequestAborted { get; set; }

    public void Dispose() => _lifetime.Dispose();

    [Fact]
    public async Task Run_WhenTheBodyComesSlowly_ReadsItToItsEnd()
    {
        // Beyond the five seconds that Kestrel waits by itself.
        var body = new Body(count: 40, read => _time.Advance(TimeSpan.FromSeconds(1)));
        await RunAsync(body);
        Assert.Equal(0, body.LeftCount);
    }

    [Fact]
    public async Task Run_WhenTheBodyIsEndless_EndsAtTheBound()
    {
        var body = new Body(count: int.MaxValue, read => { });
        await RunAsync(body);
        Assert.InRange(body.ReadBytes, HttpLimits.RequestBytesDrainedMax, HttpLimits.RequestBytesDrainedMax + HttpLimits.MeteredReadBytes);
    }

    [Fact]
    public async Task Run_WhenTheBodyTakesTooLong_EndsInTime()
    {
        var body = new Body(count: int.MaxValue, read => _time.Advance(TimeSpan.FromSeconds(1)));
        await RunAsync(body);
        Assert.InRange(body.ReadCount, HttpLimits.RequestDrainTimeMax.TotalSeconds - 1, HttpLimits.RequestDrainTimeMax.TotalSeconds + 1);
    }

    [Fact]
    public async Task Run_WhenTheServiceStops_Ends()
    {
        var body = new Body(count: int.MaxValue, read =>
        {
            if (read == 3)
                _lifetime.StopApplication();
        });
        await RunAsync(body);
        Assert.Equal(3, body.ReadCount);
    }

    [Fact]
    public async Task Run_WhenTheClientWaitsToBeAskedForTheBody_ReadsNothing()
    {
        var body = new Body(count: 40, read => { });
        await RunAsync(body, "100-continue");
        Assert.Equal(0, body.ReadCount);
    }

    [Theory]
    [InlineData(true), InlineData(false)]
    public async Task Run_WhenTheReadIsGivenUp_CutsTheConnection(bool isStop)
    {
        var body = new Body(count: 40, read =>
        {
            if (isStop)
                _lifetime.StopApplication();
            else
                _time.Advance(HttpLimits.RequestDrainTimeMax);
        });
        await RunAsync(body);
        Assert.Equal(1, body.ReadCount);
        Assert.True(_isCut);
    }

    [Fact]
    public async Task Run_WhenTheBodyIsReadToItsEnd_LeavesTheConnection()
    {
        await RunAsync(new Body(count: 40, read => { }));
        Assert.False(_isCut);
    }

    void IHttpRequestLifetimeFeature.Abort() => _isCut = true;

    private Task RunAsync(Body body, string? expect = null)
    {
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpRequestLifetimeFeature>(this);
        context.Request.Body = body;
        if (expect is not null)
            context.Request.Headers.Expect = expect;
        return new BodyDrain(_time, _lifetime).RunAsync(context);
    }

    private sealed class Body(int count, Action<int> onRead) : BodyStream
    {
        public int LeftCount { get; private set; } = count;

        public int ReadCount { get; private set; }

        public long ReadBytes { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (LeftCount == 0)
                return new(0);
            LeftCount--;
            ReadCount++;
            ReadBytes += buffer.Length;
            onRead(ReadCount);
            return new(buffer.Length);
        }
    }
}
