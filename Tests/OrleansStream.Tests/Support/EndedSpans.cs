using System.Collections.Concurrent;
using System.Diagnostics;
using OrleansStream.Instrumentation;

namespace OrleansStream.Tests.Support;

/// <summary>The service's spans that have ended, of all tests that run at this time. While it listens, each span is recorded.</summary>
internal sealed class EndedSpans : IDisposable
{
    private readonly ConcurrentQueue<Activity> _ended = new();
    private readonly ActivityListener _listener;

    public EndedSpans()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == StreamTelemetry.Name,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _ended.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    /// <summary>Those that have ended until now.</summary>
    public IEnumerable<Activity> All => _ended;

    public void Dispose() => _listener.Dispose();
}
