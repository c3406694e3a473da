using System.Diagnostics;
using OrleansStream.Instrumentation;
using OrleansStream.Log.Contract;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>The span of the write to the store, in the trace of the request that it serves.</summary>
public sealed class CommitSpanTests : IDisposable
{
    private readonly EndedSpans _ended = new();

    public void Dispose() => _ended.Dispose();

    // This write is the one that a trace is wanted for.
    [Fact]
    public async Task Span_OfAWriteThatThrows_EndsWithAnError()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        using var request = StreamTelemetry.Traces.StartActivity("POST", ActivityKind.Server)!;
        rig.Segments.Throw(new ObjectDisposedException("the store"));

        Assert.True((await log.PutAsync(TestBatch.Of("a"))).Error!.OutcomeUnknown);

        Assert.Equal(LogEnd.Failed, await log.Ended);
        await Wait.UntilAsync("the span has ended", () => _ended.All.Any(span => span.ParentSpanId == request.SpanId));
        var commit = Assert.Single(_ended.All, span => span.ParentSpanId == request.SpanId);
        Assert.Equal(("commit", ActivityStatusCode.Error), (commit.DisplayName, commit.Status));
        await rig.CloseAsync(log);
    }
}
