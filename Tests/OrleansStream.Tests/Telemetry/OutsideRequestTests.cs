using System.Diagnostics;
using OrleansStream.Activations;
using OrleansStream.Instrumentation;

namespace OrleansStream.Tests.Telemetry;

/// <summary>What outlives the request in which it is started does not belong to that request's trace.</summary>
public sealed class OutsideRequestTests : IDisposable
{
    private const string SentAlong = "sent-along";

    private readonly Activity _request = new Activity("POST").Start();

    public OutsideRequestTests() => RequestContext.Set(SentAlong, "traceparent");

    public void Dispose()
    {
        _request.Dispose();
        RequestContext.Clear();
    }

    [Fact]
    public async Task Work_RunsOutsideOfTheRequest_WhichKeepsItsContext()
    {
        var seen = new List<(Activity? Span, object? SentAlong)>();

        await OutsideCall.RunAsync(async () =>
        {
            seen.Add((Activity.Current, RequestContext.Get(SentAlong)));
            await Task.Yield();
            seen.Add((Activity.Current, RequestContext.Get(SentAlong)));
        });

        Assert.Equal([(null, null), (null, null)], seen);
        Assert.Equal((_request, "traceparent"), (Activity.Current, RequestContext.Get(SentAlong)));
    }

    [Fact]
    public async Task Timer_FiresOutsideOfTheRequest_WhichKeepsItsContext()
    {
        var fired = new TaskCompletionSource<(Activity?, object?)>(TaskCreationOptions.RunContinuationsAsynchronously);

        await using var timer = OutsideRequest.CreateTimer(
            TimeProvider.System, _ => fired.TrySetResult((Activity.Current, RequestContext.Get(SentAlong))), null, TimeSpan.Zero,
            Timeout.InfiniteTimeSpan);

        Assert.Equal((null, null), await fired.Task);
        Assert.Equal(_request, await Task.Run(() => Activity.Current, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task DetachedWork_RunsOutsideOfTheCallThatStartsIt()
    {
        using var work = new DetachedWork();
        var seen = new TaskCompletionSource<(Activity?, object?)>();

        work.Start(async _ =>
        {
            await Task.Yield();
            seen.SetResult((Activity.Current, RequestContext.Get(SentAlong)));
        });

        Assert.Equal((null, null), await seen.Task);
    }
}
